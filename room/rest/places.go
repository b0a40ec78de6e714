package rest

import (
	"net"
	"sync"
	"time"
)

// places are the connections that the server may have at one time. Where all are
// taken, the one that has waited longest for its client is closed for a new one.
type places struct {
	most int

	serving sync.WaitGroup // the goroutines of the connections; added to under mu, while not closed

	mu      sync.Mutex
	conns   map[*conn]struct{}
	waiting [waits]waitList
	closed  bool  // no new ones
	yielded int64 // closed for others
}

// wait says what a connection waits for. Those of lower kinds are closed first.
type wait uint8

const (
	waitEnd          wait = iota // for the end of what nobody wants any more
	waitDelay                    // for its answer, as its user asks for too much
	waitStranger                 // for a next request; no token of the connection was good yet
	waitStrangerRest             // for the rest of such a one's request
	waitIdle                     // for the next request of somebody who showed a good token
	waitRest                     // for the rest of such a one's request
	waits                        // how many there are
	working                      // for nothing: the server has the next step
)

// unasked tells whether nothing of a request has come.
func (w wait) unasked() bool { return w == waitStranger || w == waitIdle }

// waitList is a list of connections, the one that has waited longest first.
type waitList struct{ first, last *conn }

func newPlaces(most int) *places {
	return &places{most: most, conns: make(map[*conn]struct{})}
}

// take gives c a place, or returns nil: the server is closed, or all others are at work.
func (p *places) take(c net.Conn) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= p.most && !p.makeRoom() {
		return nil
	}
	in := &conn{Conn: c, places: p, waits: working}
	p.conns[in] = struct{}{}
	p.serving.Add(1)
	return in
}

// makeRoom takes the place of the connection that can best be done without.
func (p *places) makeRoom() bool {
	for kind := range p.waiting {
		if c := p.waiting[kind].first; c != nil {
			p.yielded++
			p.dismiss(c)
			return true
		}
	}
	return false
}

// dismiss takes a waiting connection's place from it. Its goroutine ends it.
func (p *places) dismiss(c *conn) {
	delete(p.conns, c)
	p.waiting[c.waits].remove(c)
	c.waits, c.dismissed = working, true
	if c.delayed != nil {
		close(c.delayed)
		c.delayed = nil
	}
	_ = c.SetReadDeadline(longAgo) // a closed connection has ended the read already
}

// await notes that c waits for its client until a deadline; false where it has no
// place any more, or would wait for a request that nobody wants.
func (p *places) await(c *conn, kind wait, until time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.dismissed || p.closed && kind.unasked() {
		return false
	}
	if c.waits != working {
		p.waiting[c.waits].remove(c)
	}
	c.waits = kind
	p.waiting[kind].add(c)
	return c.SetReadDeadline(until) == nil // under the lock, so that it does not undo dismiss
}

// delay notes that c waits for its answer; false where it has no place any more, or all
// are to end. Where its place is taken from it, dismissed is closed.
func (p *places) delay(c *conn, dismissed chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.dismissed || p.closed {
		return false
	}
	c.waits, c.delayed = waitDelay, dismissed
	p.waiting[waitDelay].add(c)
	return true
}

// resume notes that the server has the next step; false where c has no place any more.
func (p *places) resume(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.waits != working {
		p.waiting[c.waits].remove(c)
		c.waits, c.delayed = working, nil
	}
	return !c.dismissed
}

// leave is called when c is closed.
func (p *places) leave(c *conn) {
	p.resume(c)
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	p.serving.Done()
}

// close takes no more connections and ends those that wait for a next request, or for
// nothing that matters.
func (p *places) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		if c.waits.unasked() || c.waits == waitEnd || c.waits == waitDelay {
			p.dismiss(c)
		}
	}
}

// cutAll closes every connection.
func (p *places) cutAll() {
	p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Conn.Close() // its goroutine notices, and nobody hears of it
	}
}

// figures returns how many connections there are, and how many were closed for others.
func (p *places) figures() (now, yielded int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(len(p.conns)), p.yielded
}

func (l *waitList) add(c *conn) {
	if c.before = l.last; c.before == nil {
		l.first = c
	} else {
		c.before.after = c
	}
	l.last, c.after = c, nil
}

func (l *waitList) remove(c *conn) {
	if c.before == nil {
		l.first = c.after
	} else {
		c.before.after = c.after
	}
	if c.after == nil {
		l.last = c.before
	} else {
		c.after.before = c.before
	}
	c.before, c.after = nil, nil
}
