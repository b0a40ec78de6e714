package rest

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/protocol"
)

// listener feeds fasthttp with connections that others accepted. It knows every
// open one.
type listener struct {
	queue chan *conn // never full: at most as many connections as it holds are open

	untaken atomic.Int64 // answers that were cut off because the client did not take them

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

func newListener(connectionsMax int) *listener {
	return &listener{queue: make(chan *conn, connectionsMax), conns: make(map[*conn]struct{})}
}

// hand queues c, or returns false where there is no room for it.
func (l *listener) hand(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) == cap(l.queue) {
		return false
	}
	in := &conn{Conn: c, ln: l}
	l.conns[in] = struct{}{}
	l.queue <- in
	return true
}

// Accept returns the next connection, or net.ErrClosed after Close.
func (l *listener) Accept() (net.Conn, error) {
	c, ok := <-l.queue
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close refuses further connections. Those in the queue are still accepted.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	return nil
}

// Addr is no address of the network: the connections come from elsewhere.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "handed", Net: "unix"} }

func (l *listener) open() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.conns))
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// closeAll closes the listener and every connection.
func (l *listener) closeAll() {
	_ = l.Close() // cannot fail
	l.mu.Lock()
	conns := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.cut()
	}
}

// answer503 returns a whole response with those header lines, sent where there is
// no room for a request.
func answer503(lines string) []byte {
	body := protocol.AppendRESTError(nil, errCrowded.Text, errCrowded.Code)
	header := "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: " + retryAfterSeconds +
		"\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" + lines + "\r\n"
	return append([]byte(header), body...)
}

// turnAway answers 503 and closes. The request has come already, and the answer fits
// into the empty send buffer of a new connection, so neither waits; the deadlines are
// for a conn of which that is not true.
func (s *Server) turnAway(c net.Conn) {
	const wait = 10 * time.Millisecond // no answer is better than a longer one
	_ = c.SetReadDeadline(time.Now().Add(wait))
	head := make([]byte, headerBytesMax)
	n, _ := c.Read(head)
	_ = c.SetWriteDeadline(time.Now().Add(wait))
	_, _ = c.Write(answer503(RefusalHeader(s.cfg.AllowOrigin)(head[:n])))
	_ = c.Close()
}
