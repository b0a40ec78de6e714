package proc

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestReadMeasuresThisProcess(t *testing.T) {
	before, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	self := Self()
	for spun := time.Now(); time.Since(spun) < 100*time.Millisecond; {
	}
	after, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	spent, own := after.Since(before), Self()-self
	if spent <= 0 || own <= 0 || spent > 5*time.Second {
		t.Errorf("spent %v by /proc, %v by getrusage", spent, own)
	}
	if after.RSS <= 0 || after.Anon <= 0 || after.Anon > after.RSS || after.Threads < 1 {
		t.Errorf("RSS %d, anonymous %d, %d threads", after.RSS, after.Anon, after.Threads)
	}
}

// A thread that ended takes its exact time with it; the coarse account keeps it.
func TestSinceSurvivesThreadsThatEnd(t *testing.T) {
	earlier := Sample{CPU: 5 * time.Second, User: 4 * time.Second, exact: map[string]time.Duration{"1": time.Second, "2": 4 * time.Second}}
	later := Sample{CPU: 2 * time.Second, User: 6 * time.Second, exact: map[string]time.Duration{"1": 2 * time.Second}}
	if got := later.Since(earlier); got != 2*time.Second {
		t.Errorf("got %v, want 2s", got)
	}
}

func TestReadSaysThatThereIsNoProcess(t *testing.T) {
	if _, err := Read(1 << 30); err == nil || !strings.Contains(err.Error(), "no process") {
		t.Errorf("error %v", err)
	}
}

func TestMachine(t *testing.T) {
	f := Machine()
	if f.Cores < 1 || f.Kernel == "" || f.MemoryBytes < 1<<20 || f.Go == "" {
		t.Errorf("%+v", f)
	}
	if times := MachineTimes(); times.Busy <= 0 {
		t.Errorf("%+v", times)
	}
}

func TestRaiseDescriptors(t *testing.T) {
	if err := RaiseDescriptors(10); err != nil {
		t.Error(err)
	}
	if err := RaiseDescriptors(1 << 40); err == nil || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("error %v", err)
	}
}

func TestKernelMemoryIsRead(t *testing.T) {
	page := int64(os.Getpagesize())
	sockets, buffers := parseSockstat("sockets: used 2089\nTCP: inuse 1994 orphan 0 tw 11711 alloc 2003 mem 288\nUDP: inuse 3 mem 1\n")
	if sockets != 1994 || buffers != 288*page {
		t.Errorf("%d sockets, %d bytes", sockets, buffers)
	}
	slabs := parseSlabs("slabinfo - version: 2.1\n# name <active_objs>\n" +
		"TCP   26 26 2240 14 8 : tunables 0 0 0 : slabdata 2 3 0\nother 26 26 2240 14 8 : tunables 0 0 0 : slabdata 2 3 0\nfilp bad\n")
	if slabs != 3*8*page {
		t.Errorf("%d bytes of slabs", slabs)
	}
	if total := parseSlabTotal("MemFree: 5 kB\nSlab:  12 kB\n"); total != 12<<10 {
		t.Errorf("%d bytes of all slabs", total)
	}
	if k := KernelMemory(); k.Bytes() <= 0 {
		t.Errorf("%+v", k)
	}
}

func TestTheBusiestProcessesAreNamed(t *testing.T) {
	p := func(pid int, name string, cpu time.Duration) Process {
		return Process{PID: pid, Name: name, User: cpu, started: int64(len(name))}
	}
	from := map[int]Process{1: p(1, "a", 5*time.Second), 2: p(2, "b", 9*time.Second), 3: p(3, "old", time.Hour)}
	to := map[int]Process{1: p(1, "a", 7*time.Second), 2: p(2, "b", 9*time.Second), 3: p(3, "new", time.Second), 4: p(4, "d", 3*time.Second)}
	got := Busiest(from, to, time.Second, 2)
	if len(got) != 2 || got[0].Name != "d" || got[1].Name != "a" || got[1].CPU() != 2*time.Second {
		t.Errorf("%+v", got)
	}
	if own, ok := Processes()[os.Getpid()]; !ok || own.Name == "" {
		t.Errorf("this process is not among the processes: %+v", own)
	}
	if words := CommandLine(os.Getpid()); len(words) == 0 || words[0] != os.Args[0] {
		t.Errorf("command line %q, want %q", words, os.Args)
	}
	if FileLimit(os.Getpid()) < 1 {
		t.Error("no limit of open files")
	}
}

func TestAProcessMayHaveAnyName(t *testing.T) {
	p, err := parseStat([]byte("42 (a) b (c)) S 1 42 42 0 -1 4194304 1 0 0 0 150 50 0 0 20 0 1 0 77 1 1 1"))
	if err != nil || p.PID != 42 || p.Name != "a) b (c)" || p.CPU() != 2*time.Second || p.started != 77 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, text := range []string{"", "42", "x (a) S", "42 (a) S 1", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 1"} {
		if p, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, p)
		}
	}
}
