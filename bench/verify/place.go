package verify

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// place is one room on a user's socket: which session of its member's hears it, and which is to
// take that one's place.
type place struct {
	socket  *userSocket
	trip    string
	room    string // its id; empty: not told yet
	heard   *session
	asked   *session
	parting bool // it was unsubscribed, and that is not acknowledged yet
}

// Write implements line: what is said in a room names it.
func (p *place) Write(texts ...[]byte) error {
	named := make([][]byte, len(texts))
	for i, text := range texts {
		named[i] = fmt.Appendf(nil, `{"chat_room_id":%q,%s`, p.trip, text[1:])
	}
	return p.socket.client.Write(named...)
}

// Close implements line: the room is unsubscribed. A server that lives acknowledges that.
func (p *place) Close() {
	k := p.socket
	k.mu.Lock()
	s := p.heard
	if s == nil {
		k.mu.Unlock()
		return
	}
	p.parting = true
	name := k.name(ask{kind: "unsubscribe", room: p})
	k.send(map[string]any{"type": "unsubscribe", "rooms": []string{p.trip}, "client_id": name})
	k.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(2 * k.many.crew.cfg.Answer): // by then the reader has noted it, if anything came
		p.Abort()
	}
}

// Abort implements line: it cuts the connection of all the user's rooms.
func (p *place) Abort() { p.socket.quit() }

// replaces reports whether a session is to go on until the room is answered anew, as its
// member leaves it now and then.
func (p *place) replaces(s *session) bool {
	if s.member.crew.living.Err() != nil || s.member.draw() >= shareAnew {
		return false
	}
	p.socket.mu.Lock()
	defer p.socket.mu.Unlock()
	return p.heard == s
}

// end ends the sessions of a place. k.mu is held.
func (p *place) end(err error, how ledger.Record, after time.Time) {
	for _, s := range []*session{p.heard, p.asked} {
		if s != nil {
			s.over(err, how, after)
		}
	}
	p.heard, p.asked, p.parting = nil, nil, false
}
