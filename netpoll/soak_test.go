package netpoll

import (
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

// After thousands of connections of every kind of ending the heap and the
// descriptors are what they were after the first thousands.
func TestEndingsOfEveryKindLeaveNothing(t *testing.T) {
	const rounds, connections = 3, 3000
	s := start(t, Config{Handler: funcs{message: echoBack}, Compression: true, HandshakeTimeout: time.Second,
		HTTP: func(c net.Conn) { _ = c.Close() }})
	endings := []struct {
		bytes  []byte
		answer bool // the client waits for the end; else it just goes
	}{
		{[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true},
		{[]byte("\x16\x03\x01 TLS"), true},
		{append([]byte(deflateRequest), masked(1, "cut")[:8]...), false},
		{append([]byte(plainRequest), masked(8, "\x03\xe8")...), true},
		{append([]byte(plainRequest), 0xFF, 0xFF), true},
		{[]byte(plainRequest)[:30], false},
		{append([]byte(plainRequest), masked(1, "unread")...), false},
		{nil, false},
	}
	sa := &unix.SockaddrInet4{Port: int(s.Addr().Port()), Addr: s.Addr().Addr().As4()}
	b := make([]byte, 4<<10)
	var heap, files [rounds]int
	for round := range rounds {
		for i := range connections {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Connect(fd, sa); err != nil {
				t.Fatal(err)
			}
			e := endings[i%len(endings)]
			_, _ = unix.Write(fd, e.bytes)
			for n := 1; e.answer && n > 0; {
				n, _ = unix.Read(fd, b)
			}
			_ = unix.Close(fd)
		}
		await.Until(t, "all gone", func() bool { st := s.Stats(); return st.Sockets == 0 && st.HTTP == 0 })
		live, _ := memory(t)
		heap[round], files[round] = int(live), openFiles(t)
	}
	runtime.KeepAlive(s)
	if grown := heap[rounds-1] - heap[0]; grown > 128<<10 {
		t.Errorf("the heap grew by %d bytes in %d connections: %v", grown, (rounds-1)*connections, heap)
	}
	if files[rounds-1] > files[0] {
		t.Errorf("descriptors: %v", files)
	}
}
