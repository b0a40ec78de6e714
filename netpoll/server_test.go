package netpoll

import (
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

func TestListenRefusesWhatCannotWork(t *testing.T) {
	if _, err := Listen(Config{Addr: "127.0.0.1:0"}); err == nil {
		t.Error("no Handler")
	}
	if _, err := Listen(Config{Addr: "127.0.0.1:0", Handler: funcs{}, IdleTimeout: time.Second}); err == nil {
		t.Error("IdleTimeout shorter than PingInterval")
	}
	if _, err := Listen(Config{Addr: "127.0.0.1:0", Handler: funcs{}, Loops: loopsMax + 1}); err == nil {
		t.Error("more loops than gnet has")
	}
	for _, addr := range []string{"127.0.0.1:99999", "nonsense", "192.0.2.1:0"} {
		if _, err := Listen(Config{Addr: addr, Handler: funcs{}}); err == nil {
			t.Errorf("address %q is accepted", addr)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s := start(t, Config{Handler: funcs{}})
	if _, err := Listen(Config{Addr: s.Addr().String(), Handler: funcs{}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server on the address: %v", err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen(Config{Addr: other.Addr().String(), Handler: funcs{}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("beside another program's listener: %v", err)
	}
}

func TestAddressOfBothFamilies(t *testing.T) {
	s := start(t, Config{Addr: ":0", Handler: funcs{message: echoBack}})
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, strings.TrimPrefix(s.Addr().String(), "[::]:")))
		if err != nil {
			if host == "::1" {
				t.Log("no IPv6 here:", err)
				continue
			}
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

func TestCloseBeforeAndTwice(t *testing.T) {
	s, err := Listen(Config{Addr: "127.0.0.1:0", Handler: funcs{}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if err := s.Run(); err != nil {
		t.Error(err)
	}
	again, err := Listen(Config{Addr: s.Addr().String(), Handler: funcs{}})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// The engine's end that nobody asked for is an error: gnet itself returns nil.
func TestCrashOfTheEngineIsAnError(t *testing.T) {
	s, err := Listen(Config{Addr: "127.0.0.1:0", Handler: funcs{}, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	await.Done(t, "the loops", s.Ready())
	onLoop(t, s.loops[0], func() { // what it waits with becomes another file
		null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = unix.Close(null) }()
		if err := unix.Dup3(null, s.loops[0].epoll, unix.O_CLOEXEC); err != nil {
			t.Error(err)
		}
	})
	if err := await.Value(t, "Run's return", ended); !errors.Is(err, errCrashed) || !strings.Contains(err.Error(), "invalid argument") {
		t.Errorf("Run returned %v", err)
	}
}

// Everything is given back: descriptors, goroutines, and what Handler.Open got
// Handler.Close gives back.
func TestNothingLeaks(t *testing.T) {
	round := func() {
		s, err := Listen(Config{Addr: "127.0.0.1:0", Handler: funcs{message: echoBack}, Compression: true,
			HandshakeTimeout: 300 * time.Millisecond, ConnectionsMax: 100,
			HTTP: func(c net.Conn) { _ = c.Close() }})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run() }()
		await.Done(t, "the loops", s.Ready())
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() { endSomehow(t, s, i%8) })
		}
		wg.Wait()
		await.Until(t, "all gone", func() bool { st := s.Stats(); return st.Sockets == 0 && st.HTTP == 0 })
		for _, l := range s.loops {
			onLoop(t, l, func() {
				if len(l.conns)+len(l.dirty)+len(l.toClose)+len(l.ended)+len(l.stalled) != 0 || l.counts.outboxBytes != 0 {
					t.Errorf("the loop holds on to something: %+v", l.counts)
				}
			})
		}
		dialled := dial(t, s)
		s.Close()
		if err := await.Value(t, "Run's return", ended); err != nil {
			t.Error(err)
		}
		_ = dialled.conn.Close()
	}
	round() // what the process needs once starts with the first
	files, before := openFiles(t), goroutines()
	for range 5 {
		round()
	}
	await.Until(t, "descriptors given back", func() bool { return openFiles(t) <= files })
	await.Until(t, "goroutines given back", func() bool { return goroutines() <= before })
}

// goroutines counts them, without the workers of gnet's pool, which stay for a while.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	return len(slices.DeleteFunc(all, func(stack string) bool { return strings.Contains(stack, "panjf2000/ants") }))
}

// endSomehow makes a connection and ends it in one of eight ways.
func endSomehow(t *testing.T, s *Server, way int) {
	c := connect(t, s)
	defer c.conn.Close()
	switch way {
	case 0: // says nothing
	case 1: // half a request, then its timeout
		c.write([]byte(plainRequest[:30]))
		c.response()
	case 2: // plain HTTP
		c.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		c.expectEOF()
	case 3: // refused
		c.write([]byte("\x16\x03\x01 TLS"))
		c.response()
	case 4: // reset
		c.write([]byte(plainRequest))
		_ = c.conn.SetLinger(0)
	case 5: // half a message
		c.write([]byte(deflateRequest))
		c.write(masked(1, "cut")[:8])
	case 6: // orderly
		c.write([]byte(plainRequest))
		c.response()
		c.write(masked(8, "\x03\xe8"))
		c.expectClose()
	case 7: // broken protocol
		c.write([]byte(plainRequest))
		c.response()
		c.write([]byte("\xff\xff"))
		c.expectClose()
	}
}

func openFiles(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// However many files the rest of the process opens, a client is refused before an
// accept can fail.
func TestFewDescriptorsLeftMeansRefusal(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1})
	in := dial(t, s)
	onLoop(t, s.loops[0], func() { s.limits.fdMax = in.descriptor(t) + 1 })
	c := connect(t, s)
	if r := c.response(); r.StatusCode != 503 {
		t.Error(r.Status)
	}
	in.send("alive")
	in.expect("alive")
	await.Until(t, "counted", func() bool { st := s.Stats(); return st.Refused[RefusedConnections] == 1 && st.Sockets == 1 })
}

// descriptor returns the number of the client's descriptor.
func (c *client) descriptor(t testing.TB) (fd int32) {
	t.Helper()
	raw, err := c.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(n uintptr) { fd = int32(n) }); err != nil {
		t.Fatal(err)
	}
	return fd
}
