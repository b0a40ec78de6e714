package verify

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// Shares of what a member does that has a connection, besides those in act.go.
const (
	shareDelete  = 0.04
	sharePin     = 0.04
	shareMark    = 0.05
	shareReact   = 0.08
	shareOthers  = 0.3 // of deletions: of a message that somebody else sent
	shareRepeat  = 0.3 // of deletions: of one that is deleted already, or on its way to be
	shareReacted = 0.7 // of reactions: set
	shareTwice   = 0.3 // of changes and marks: sent twice at once
	shareUnpin   = 0.6 // of pins: taken away
	shareMention = 0.1 // of messages
	shareData    = 0.1 // of messages
	shareAll     = 0.2 // of messages that mention somebody: all of the trip, too
)

// name makes a name that nobody used before. Only live calls it.
func (m *member) name() string {
	m.serial++
	return fmt.Sprintf("v%s-%d-%d", m.crew.run, m.id, m.serial)
}

// ask begins something and sends it on the session; now and then twice at once, where both
// are answered. Some changes go over REST.
func (m *member) ask(s *session, o *op) {
	m.mu.Lock()
	byREST := (o.kind == ledger.Delete || o.kind == ledger.Pin || o.kind == ledger.React) && m.rng.Float64() < changeREST
	if s == nil || byREST {
		m.begin(o, nil)
		m.mu.Unlock()
		m.overREST(m.crew.living, o)
		return
	}
	m.begin(o, s)
	twice := s.own && o.kind != ledger.Send && m.rng.Float64() < shareTwice
	if twice {
		m.again(o, s)
	}
	m.mu.Unlock()
	if twice {
		s.write(o, o)
	} else {
		s.write(o)
	}
}

// unmake deletes one of the member's own messages: also one that is being edited at the same
// time and, where that is answered, one that is deleted already. Or somebody else's, which only
// who moderates may.
func (m *member) unmake(s *session) {
	if m.draw() < shareOthers && m.crew.cfg.Tables != nil {
		m.unmakeAnother(s)
		return
	}
	m.mu.Lock()
	var target *own
	if n := len(m.mine); n > 0 {
		target = m.mine[m.rng.IntN(n)]
	}
	again := m.rng.Float64() < shareRepeat && s.own
	idle := target == nil || (target.deleted && !again)
	m.mu.Unlock()
	if idle || m.crew.cfg.spares("delete_message") {
		return
	}
	m.ask(s, &op{kind: ledger.Delete, name: m.name(), edits: target, about: target.id})
}

func (m *member) unmakeAnother(s *session) {
	m.mu.Lock()
	id := m.heard
	for _, mine := range m.mine {
		if mine.id == id {
			id = ""
		}
	}
	m.mu.Unlock()
	if id != "" && !m.crew.cfg.spares("delete_message") {
		m.ask(s, &op{kind: ledger.Delete, name: m.name(), about: id})
	}
}

// pin pins the message that the member heard of last, or takes a pin away.
func (m *member) pin(s *session) {
	m.mu.Lock()
	id, on := m.heard, true
	if m.rng.Float64() < shareUnpin {
		for _, known := range m.has.byID {
			if known.PinnedAt != "" {
				id, on = known.ID, false
				break
			}
		}
	}
	busy := id == ""
	for _, o := range m.pending {
		busy = busy || (o.kind == ledger.Pin && o.about == id)
	}
	m.mu.Unlock()
	if busy || m.crew.cfg.spares("pin_message") {
		return
	}
	m.ask(s, &op{kind: ledger.Pin, name: m.name(), about: id, on: on})
}

// react sets a reaction to the message that the member heard of last or to an own one, or takes
// it away. One at a time for each message and emoji, as the last intention counts.
func (m *member) react(s *session) {
	emoji := []string{"👍", "❤", "🐫"}
	m.mu.Lock()
	o := &op{kind: ledger.React, about: m.heard, on: m.rng.Float64() < shareReacted, content: emoji[m.rng.IntN(len(emoji))]}
	if n := len(m.mine); n > 0 && m.rng.IntN(2) == 0 {
		o.about = m.mine[m.rng.IntN(n)].id
	}
	busy := o.about == ""
	for _, other := range m.pending {
		busy = busy || (other.kind == ledger.React && other.about == o.about && other.content == o.content)
	}
	m.mu.Unlock()
	if busy || m.crew.cfg.spares("react") {
		return
	}
	o.name = m.name()
	m.ask(s, o)
}

// mark says that all is read up to where the member stands, or to somewhere before.
func (m *member) mark(s *session) {
	m.mu.Lock()
	base := m.crew.book.base(m.room)
	seq := m.at
	if seq > base && m.rng.IntN(3) == 0 {
		seq = base + m.rng.Int64N(seq-base)
	}
	m.mu.Unlock()
	if seq <= base || m.crew.cfg.spares("mark_read") {
		return
	}
	quiet := m.draw() < shareQuiet && s != nil
	m.mu.Lock()
	m.marked = max(m.marked, seq)
	m.mu.Unlock()
	if quiet {
		m.markQuietly(s, m.name(), seq)
		return
	}
	m.ask(s, &op{kind: ledger.Mark, name: m.name(), seq: seq})
}

// adorn gives a message mentions and data now and then.
func (m *member) adorn(o *op) {
	if m.draw() < shareMention && !m.crew.cfg.spares("mentions") {
		o.mentions = []string{m.crew.members[m.room].userID}
		if m.userID != o.mentions[0] {
			o.mentions = append(o.mentions, m.userID)
		}
		o.on = m.crew.cfg.Tables != nil && m.draw() < shareAll // which most may not
	}
	if m.draw() < shareData && !m.crew.cfg.spares("data") {
		o.data = json.RawMessage(fmt.Sprintf(`{"place":%q}`, o.name))
	}
}

// unanswered reports whether nobody will say what becomes of an attempt, as the server
// speaks version 1: such a server tells changes only, and there may be none.
func (o *op) unanswered() bool {
	switch o.kind {
	case ledger.Pin, ledger.React, ledger.Mark:
		return true
	case ledger.Delete:
		return o.attempts > 1 // it may be deleted already, and who came without since may not have seen it
	}
	return false
}

// buried notes that a message is deleted, which settles what asks for it. m.mu is held.
func (m *member) buried(msg *message) {
	if m.heard == msg.ID {
		m.heard = ""
	}
	for _, mine := range m.mine {
		mine.deleted = mine.deleted || mine.id == msg.ID
	}
	for _, o := range m.pending {
		if o.kind == ledger.Delete && o.about == msg.ID {
			delete(m.pending, o.name)
			m.leftOver(o)
		}
	}
}

// granted notes an ack. m.mu is held.
func (m *member) granted(s *session, name string) {
	m.note(ledger.Record{Kind: ledger.Granted, Op: name, Node: s.node + 1, Version: s.version()})
	o := m.find(name)
	if o == nil {
		return
	}
	o.over(s)
	m.done(o)
}

// done notes that an op is settled by an answer. m.mu is held.
func (m *member) done(o *op) {
	if m.pending[o.name] == o {
		delete(m.pending, o.name)
		m.leftOver(o)
	}
	if o.kind == ledger.Edit {
		o.edits.editing = false
	}
	m.forget(o)
	o.retryAt = time.Time{}
}
