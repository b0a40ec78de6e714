package netpoll

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// rawClients opens n WebSockets by system calls alone, so that the clients cost
// this process no memory. They are closed when the test ends.
func rawClients(t testing.TB, s *Server, n int) []int {
	t.Helper()
	return rawClientsWith(t, s, n, plainRequest)
}

func rawClientsWith(t testing.TB, s *Server, n int, request string) []int {
	t.Helper()
	sa := &unix.SockaddrInet4{Port: int(s.Addr().Port()), Addr: s.Addr().Addr().As4()}
	fds := make([]int, 0, n)
	t.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	})
	answer := make([]byte, 4<<10)
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		if err := unix.Connect(fd, sa); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte(request)); err != nil {
			t.Fatal(err)
		}
		if n, err := unix.Read(fd, answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 101") {
			t.Fatalf("%q, %v", answer[:max(n, 0)], err)
		}
	}
	return fds
}

// idleCost opens n connections, each a member of a topic, to which something was
// said, and returns the bytes of heap and of resident memory that one costs.
func idleCost(t testing.TB, n int) (heap, resident float64) {
	var rooms [64]Topic
	s := start(t, Config{Loops: 1, Handler: funcs{
		upgrade: func(*Request) (any, *Refusal) { return new([64]byte), nil }, // a session
		open:    func(c *Conn) { rooms[c.position%64].Add(c) },
		message: echoBack,
	}})
	rawClients(t, s, 64) // what the first connections need once
	heapBefore, residentBefore := memory(t)
	rawClients(t, s, n)
	p := NewPayload([]byte(strings.Repeat("x", 256)))
	onLoop(t, s.loops[0], func() {
		for i := range rooms {
			rooms[i].Send(p)
		}
	})
	onLoop(t, s.loops[0], func() { s.loops[0].outboxes.Trim(); s.loops[0].outboxes.Trim() })
	heapAfter, residentAfter := memory(t)
	return (heapAfter - heapBefore) / float64(n), (residentAfter - residentBefore) / float64(n)
}

// memory returns the process's live heap and its resident memory, in bytes.
func memory(t testing.TB) (heap, resident float64) {
	t.Helper()
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return float64(m.HeapAlloc), float64(pages * os.Getpagesize())
}

func TestIdleConnectionIsSmall(t *testing.T) {
	heap, _ := idleCost(t, 2000)
	t.Logf("%.0f bytes of heap a connection", heap)
	if heap > 1000 {
		t.Errorf("an idle connection costs %.0f bytes of heap", heap)
	}
}

// Go gives out memory in sizes of 112, 128, 144 bytes; one field more costs 16.
func TestConnFillsItsSizeClass(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 112 {
		t.Errorf("a Conn has %d bytes", size)
	}
}

// BenchmarkIdleConnection tells what an idle connection costs in memory. Run it
// with -benchtime=1x.
func BenchmarkIdleConnection(b *testing.B) {
	for b.Loop() {
		heap, resident := idleCost(b, 8000)
		b.ReportMetric(heap, "heap-B/conn")
		b.ReportMetric(resident, "RSS-B/conn")
	}
}

// BenchmarkConnect tells what the server's side of a connection costs in CPU time,
// from accept to the orderly end.
func BenchmarkConnect(b *testing.B) {
	s := start(b, Config{Loops: 1, Handler: funcs{}})
	sa := &unix.SockaddrInet4{Port: int(s.Addr().Port()), Addr: s.Addr().Addr().As4()}
	hello := append([]byte(plainRequest), masked(ws.OpClose, "\x03\xe8")...)
	answer := make([]byte, 4<<10)
	runtime.LockOSThread() // so that the client's share can be told apart
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	processBefore, clientBefore := processTime(b), threadTime(b)
	for b.Loop() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.Connect(fd, sa); err != nil {
			b.Fatal(err)
		}
		_, _ = unix.Write(fd, hello)
		for n := 1; n > 0; {
			if n, err = unix.Read(fd, answer); err != nil {
				b.Fatal(err)
			}
		}
		_ = unix.Close(fd)
	}
	server := processTime(b) - processBefore - (threadTime(b) - clientBefore)
	b.ReportMetric(float64(server.Microseconds())/float64(b.N), "server-CPU-µs/connection")
}

func processTime(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
