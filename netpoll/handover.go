package netpoll

import (
	"net"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// handoversMax is how many connections may wait for Config.HTTP to take them.
const handoversMax = 256

// handover is a connection on its way to Config.HTTP.
type handover struct {
	fd    int    // a duplicate, which outlives gnet's
	bytes []byte // read already
	loop  *Loop  // where it was
}

// handOver gives a connection that speaks plain HTTP away. b is all that was read
// of it.
func (l *Loop) handOver(c *Conn, b []byte) {
	s := l.server
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		l.refuse(c, unavailable(), RefusedHTTP)
		return
	}
	select {
	case s.handovers <- handover{fd, append([]byte(nil), b...), l}:
		s.https.Add(1)
		s.sockets.Add(-1)
		l.counts.httpTotal++
		l.release(c)
	default:
		_ = unix.Close(fd)
		l.refuse(c, unavailable(), RefusedHTTP)
	}
}

// deliverHTTP gives connections to Config.HTTP, which may block, until the server
// ends. It is the hand-overs' only goroutine.
func (s *Server) deliverHTTP() {
	for {
		select {
		case h := <-s.handovers:
			s.deliver(h)
		case <-s.done:
			s.dropHandovers()
			return
		}
	}
}

func (s *Server) dropHandovers() {
	for {
		select {
		case h := <-s.handovers:
			_ = unix.Close(h.fd)
			s.https.Add(-1)
		default:
			return
		}
	}
}

func (s *Server) deliver(h handover) {
	file := os.NewFile(uintptr(h.fd), "http")
	conn, err := net.FileConn(file) // duplicates once more
	_ = file.Close()
	if err != nil {
		s.https.Add(-1)
		s.cfg.Log.Warn("netpoll: hand-over of an HTTP connection", "error", err)
		return
	}
	r := &replay{Conn: conn, bytes: h.bytes, loop: h.loop, closed: sync.OnceFunc(func() { s.https.Add(-1) })}
	defer func() {
		if v := recover(); v != nil {
			s.httpPanics.Add(1)
			s.cfg.Log.Error("netpoll: panic in Config.HTTP", "panic", v, "stack", string(debug.Stack()))
			_ = r.Close()
		}
	}()
	s.cfg.HTTP(r)
}

// replay is a connection that gives first what was read of it before.
type replay struct {
	net.Conn // a *net.TCPConn
	bytes    []byte
	loop     *Loop // where it was, and goes where it is adopted
	closed   func()
}

// Read implements net.Conn.
func (r *replay) Read(p []byte) (int, error) {
	if len(r.bytes) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.bytes)
	if r.bytes = r.bytes[n:]; len(r.bytes) == 0 {
		r.bytes = nil
	}
	return n, nil
}

// Close implements net.Conn.
func (r *replay) Close() error {
	r.closed()
	return r.Conn.Close()
}
