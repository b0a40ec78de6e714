// Package link carries the TCP connections between two parts of a deployment, and
// troubles them as a network does: packets are lost in silence, in one direction or in
// both, are late, or are refused; for all connections, or for every other one. It needs
// no rights.
//
// What is lost is not gone: as TCP sends again what was not acknowledged, a connection
// goes on where it was as soon as the trouble is over, if both ends still have it. The
// end of a connection is lost like all else, so that the other end keeps half of it.
// Each end's own kernel lives: its keepalives are answered, and a connection is accepted
// even where nothing arrives. So only a time limit of a program's own helps it, as when
// the program at the other end is frozen.
package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/servers/child"
)

// Trouble is what is wrong with a link. Its zero value is nothing.
type Trouble struct {
	Up, Down bool          // what goes to the server, or comes from it, is lost in silence
	Refuse   bool          // connections are reset, those that are there and those that come
	Delay    time.Duration // what goes either way is late by as much,
	Jitter   time.Duration // and by up to as much besides
	Half     bool          // every other connection only
}

const (
	dialTimeout = 5 * time.Second
	chunkBytes  = 32 << 10 // what is late is late as a whole
)

// Link is one way from whoever connects to it to one server. Its methods are safe for
// concurrent use.
type Link struct {
	listen net.Listener
	work   sync.WaitGroup
	life   context.Context // ends with the link
	end    context.CancelFunc

	mu       sync.Mutex
	to       string // host:port of the server
	troubles []*Trouble
	changed  chan struct{} // closed when troubles change
	accepted int
	conns    map[*connection]struct{}
}

// connection is one connection, in its two halves.
type connection struct {
	odd      bool // the trouble with every other connection is with this one
	down, up *net.TCPConn
	end      context.CancelFunc
}

// New opens a link to a server. The caller closes it.
func New(to string) (*Link, error) {
	l := &Link{to: to, changed: make(chan struct{}), conns: map[*connection]struct{}{}}
	err := child.OnFreePort(func(port int) (err error) {
		l.listen, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	l.life, l.end = context.WithCancel(context.Background())
	l.work.Go(l.accept)
	return l, nil
}

// Addr returns where the link listens.
func (l *Link) Addr() string { return l.listen.Addr().String() }

// Impose troubles the link until lift is called. Troubles add up.
func (l *Link) Impose(t Trouble) (lift func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change(append(slices.Clone(l.troubles), &t))
	if t.Refuse {
		l.cut(func(c *connection) bool { return c.odd || !t.Half })
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.change(slices.DeleteFunc(slices.Clone(l.troubles), func(o *Trouble) bool { return o == &t }))
	}
}

// Lead leads the link to another server, and resets the connections to the one before.
func (l *Link) Lead(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
	l.cut(func(*connection) bool { return true })
}

// Close ends the link and its connections.
func (l *Link) Close() error {
	err := l.listen.Close()
	l.end()
	l.mu.Lock()
	l.cut(func(*connection) bool { return true })
	l.mu.Unlock()
	l.work.Wait()
	return err
}

// change takes other troubles, and wakes who waits for the end of one. l.mu is held.
func (l *Link) change(troubles []*Trouble) {
	l.troubles = troubles
	close(l.changed)
	l.changed = make(chan struct{})
}

// cut resets connections. l.mu is held.
func (l *Link) cut(which func(*connection) bool) {
	for c := range l.conns {
		if which(c) {
			delete(l.conns, c)
			c.reset()
		}
	}
}

func (c *connection) reset() {
	c.end()
	for _, half := range []*net.TCPConn{c.down, c.up} {
		if half != nil {
			_ = half.SetLinger(0) // either may have ended
			_ = half.Close()
		}
	}
}

func (l *Link) accept() {
	for {
		conn, err := l.listen.Accept()
		if err != nil {
			return
		}
		l.work.Go(func() { l.serve(conn.(*net.TCPConn)) })
	}
}

// serve carries a connection until it ends.
func (l *Link) serve(down *net.TCPConn) {
	life, end := context.WithCancel(l.life)
	defer end()
	c := &connection{down: down, end: end}
	defer l.drop(c)
	if !l.admit(c) || l.pass(life, c, true) != nil {
		return
	}
	if !l.dial(life, c) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.carry(life, c, true) })
	both.Go(func() { l.carry(life, c, false) })
	both.Wait()
}

// admit counts a connection in, unless it is refused.
func (l *Link) admit(c *connection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.odd = l.accepted%2 == 1
	l.accepted++
	for _, t := range l.troubles {
		if t.Refuse && (c.odd || !t.Half) {
			return false
		}
	}
	if l.life.Err() != nil {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

// drop forgets a connection, and ends what is left of it.
func (l *Link) drop(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	c.reset()
}

func (l *Link) dial(life context.Context, c *connection) bool {
	l.mu.Lock()
	to := l.to
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(life, dialTimeout)
	defer cancel()
	var dialer net.Dialer
	up, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.up = up.(*net.TCPConn)
	if _, there := l.conns[c]; !there || l.to != to {
		return false // cut meanwhile
	}
	return true
}

// carry moves what one side says to the other, its end too. Where the other has gone, what it
// said before is still on its way back.
func (l *Link) carry(life context.Context, c *connection, up bool) {
	from, to := c.up, c.down
	if up {
		from, to = c.down, c.up
	}
	chunk := make([]byte, chunkBytes)
	for {
		n, err := from.Read(chunk)
		if l.pass(life, c, up) != nil {
			return
		}
		if n > 0 {
			if _, failed := to.Write(chunk[:n]); failed != nil {
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite() // that side may have ended, too
			return
		case err != nil:
			l.drop(c)
			return
		}
	}
}

// pass waits until what goes one way on a connection is let through.
func (l *Link) pass(life context.Context, c *connection, up bool) error {
	var late time.Duration
	for lost := true; lost; {
		l.mu.Lock()
		changed := l.changed
		lost, late = false, 0
		for _, t := range l.troubles {
			if t.Half && !c.odd {
				continue
			}
			lost = lost || (up && t.Up) || (!up && t.Down)
			late += t.Delay
			if t.Jitter > 0 {
				late += rand.N(t.Jitter)
			}
		}
		l.mu.Unlock()
		if !lost {
			break
		}
		select {
		case <-life.Done():
			return life.Err()
		case <-changed:
		}
	}
	if late == 0 {
		return life.Err()
	}
	select {
	case <-life.Done():
	case <-time.After(late):
	}
	return life.Err()
}
