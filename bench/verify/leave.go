package verify

import (
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// hasty is how often a member leaves without another look, so that connections
// also end with things on their way.
const hasty = 0.4

// takeLeave lets a connection prove itself before its member leaves it, which
// would hide what it never said: all that it carried must be answered, and it must
// tell all that the room has by then. It may take as long as cfg.Answer for each.
func (m *member) takeLeave(s *session) {
	if m.habit == restless || m.draw() < hasty {
		return
	}
	if !m.until(s, func() bool { return !m.waitsOn(s) }) {
		return
	}
	m.mu.Lock()
	m.noteSilence(s)
	m.mu.Unlock()
	head, err := m.roomNumber(m.crew.living)
	if err != nil {
		return // nobody can say what is due
	}
	if m.until(s, func() bool { return m.at >= head }) {
		m.note(ledger.Record{Kind: ledger.Due, Seq: head})
	}
}

// until waits on a living session for something, which is asked under m.mu, or
// until the time is up. It returns false where the session has ended meanwhile.
func (m *member) until(s *session, done func() bool) bool {
	const period = 10 * time.Millisecond
	for deadline := time.Now().Add(m.crew.cfg.Answer); ; {
		m.mu.Lock()
		over, ended := done(), s.ended
		m.mu.Unlock()
		if ended || over || time.Now().After(deadline) {
			return !ended
		}
		select {
		case <-time.After(period):
		case <-s.done:
		case <-m.crew.living.Done():
			return false
		}
	}
}

// waitsOn reports whether an attempt waits for its answer on the session. m.mu is held.
func (m *member) waitsOn(s *session) bool {
	for _, ops := range []map[string]*op{m.pending, m.settled} {
		for _, o := range ops {
			if o.sentOn[s] > 0 {
				return true
			}
		}
	}
	return false
}

// noteSilence notes the attempts that a living session has carried in vain.
// m.mu is held.
func (m *member) noteSilence(s *session) {
	for _, ops := range []map[string]*op{m.pending, m.settled} {
		for _, o := range ops {
			for o.sentOn[s] > 0 {
				m.fail(o, s, ledger.Silent)
			}
		}
	}
}
