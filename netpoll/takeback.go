package netpoll

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// takeBackTimeout is how long TakeBack waits for the loop.
const takeBackTimeout = 5 * time.Second

// TakeBack takes back a connection that Config.HTTP was given and on which a later
// request asks for a WebSocket: a proxy that keeps its connections sends requests
// of any kind over any of them. read is what was read from c and not answered:
// that request as the client sent it, and all that followed it. The connection
// goes on as if it had just been accepted and had brought these bytes, with the
// same checks and limits; only plain HTTP is refused with 426 now.
//
// c belongs to the server from the call on, and is closed where it cannot go on.
// TakeBack may block a little. It is safe from any goroutine.
func (s *Server) TakeBack(c net.Conn, read []byte) {
	r, ok := c.(*replay)
	if !ok {
		s.log.Error("netpoll: asked to take back a connection that is none of ours")
		_ = c.Close()
		return
	}
	defer r.Close() // gnet has a duplicate by then
	if err := s.enroll(r, read); err != nil {
		failures := s.acceptFailures.Add(1)
		if s.takeBackTold.due(time.Now()) {
			s.log.Warn("netpoll: a connection cannot be taken back, and is closed", "error", err, "failures", failures)
		}
	}
}

// enroll gives r's socket to the loop that it came from, and waits until it is
// there. Holding takingBack keeps the engine from ending meanwhile: gnet would wake
// a loop by a descriptor that is closed already and may be any other file.
func (s *Server) enroll(r *replay, read []byte) error {
	s.takingBack.RLock()
	defer s.takingBack.RUnlock()
	if s.stopping.Load() {
		return nil
	}
	if tcp, ok := r.Conn.RemoteAddr().(*net.TCPAddr); ok && tcp.Zone != "" {
		// gnet reuses the bytes of a zone's name when the connection is closed; these
		// belong to package net.
		tcp.Zone = strings.Clone(tcp.Zone)
	}
	a := &takenBack{read: append(read, r.bytes...), client: r.client, release: r.closed}
	enrolled, err := (*r.loop.engine.Load()).Enroll(gnet.NewContext(context.Background(), a), r.Conn)
	if err != nil {
		return err
	}
	select {
	case result := <-enrolled:
		return result.Err
	case <-time.After(takeBackTimeout):
		return context.DeadlineExceeded // the loop has crashed, or takes it up later
	}
}

// takenBack is the context of a socket on its way back to a loop. gnet keeps it as
// long as the socket.
type takenBack struct {
	read    []byte
	client  netip.AddrPort // as a proxy has said; zero: nobody has
	release func()         // it is no longer with Config.HTTP
}

func (a *takenBack) arrived() {
	a.release()
	a.release = nil
}

// bytes returns what was read, once.
func (a *takenBack) bytes() []byte {
	b := a.read
	a.read = nil
	return b
}
