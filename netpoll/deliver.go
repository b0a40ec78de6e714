package netpoll

import (
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

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
		s.log.Warn("netpoll: hand-over of an HTTP connection", "error", err)
		return
	}
	r := &replay{Conn: conn, bytes: h.bytes, client: h.client, loop: s.loops[h.loop], closed: sync.OnceFunc(func() { s.https.Add(-1) })}
	defer func() {
		if v := recover(); v != nil {
			s.httpPanics.Add(1)
			s.log.Error("netpoll: panic in Config.HTTP", "panic", v, "stack", string(debug.Stack()))
			_ = r.Close()
		}
	}()
	s.cfg.HTTP(r)
}

// replay is a connection that gives first what was read of it before.
type replay struct {
	net.Conn // a *net.TCPConn
	bytes    []byte
	client   netip.AddrPort // as a proxy has said; zero: nobody has
	loop     *Loop          // where it was, and goes where it is taken back
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

// RemoteAddr implements net.Conn: it is the client's, as a proxy may have said.
func (r *replay) RemoteAddr() net.Addr {
	if r.client.IsValid() {
		return net.TCPAddrFromAddrPort(r.client)
	}
	return r.Conn.RemoteAddr()
}

// Peer returns the address of the other end of the socket, which may be a proxy's.
func (r *replay) Peer() netip.AddrPort { return addrPortOf(r.Conn.RemoteAddr()) }

// CloseWrite ends the sending half, as that of a *net.TCPConn does.
func (r *replay) CloseWrite() error { return r.Conn.(*net.TCPConn).CloseWrite() }

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (r *replay) ReadFrom(from io.Reader) (int64, error) { return r.Conn.(*net.TCPConn).ReadFrom(from) }

// Close implements net.Conn.
func (r *replay) Close() error {
	r.closed()
	return r.Conn.Close()
}
