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
