package admin

import (
	"net"
	"net/http"
	"sync"
)

// places bounds the connections of the port, so that those that nobody closes do not take
// the operator's way in, or the process's open files: where there are too many, the one
// that has waited longest for its client is closed for a new one.
type places struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]struct{}
	waiting []net.Conn // of open, the longest first
}

// changed is the server's ConnState.
func (p *places) changed(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume(c)
	switch state {
	case http.StateNew:
		if len(p.open) >= p.most {
			p.makeRoom(c)
		}
		p.open[c] = struct{}{}
		p.waiting = append(p.waiting, c)
	case http.StateClosed, http.StateHijacked:
		delete(p.open, c)
	case http.StateActive, http.StateIdle: // which none is, as each has one request
	}
}

// makeRoom closes the connection that has waited longest, or else the new one.
func (p *places) makeRoom(newcomer net.Conn) {
	oldest := newcomer
	if len(p.waiting) > 0 {
		oldest = p.waiting[0]
		p.resume(oldest)
	}
	delete(p.open, oldest)
	_ = oldest.Close() // the server notices
}

// resume notes that c does not wait.
func (p *places) resume(c net.Conn) {
	for i, w := range p.waiting {
		if w == c {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
}
