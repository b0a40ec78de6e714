package verify

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

const (
	shareQuiet = 0.5 // of marks: without a client_id, so that nobody is told what became of it
	shareWatch = 0.5 // of connections: that are told who has read how far

	markedWithin = 10 * time.Second // a mark is stored in the end
)

// readBy is how far somebody has read.
type readBy struct {
	User string `json:"user_id"`
	Seq  int64  `json:"seq"`
}

// markQuietly says that all up to a number is read, and waits for no answer. m.mu is not held.
func (m *member) markQuietly(s *session, name string, seq int64) {
	m.mu.Lock()
	m.note(ledger.Record{Kind: ledger.Mark, Op: name, Seq: seq, Sender: m.userID})
	m.mu.Unlock()
	s.send(fmt.Appendf(nil, `{"type":"mark_read","seq":%d}`, seq))
}

// ownMark takes in how far the member's user has read: with a history, or as another connection
// said so. m.mu is held.
func (m *member) ownMark(s *session, f *frame) {
	if f.V == 0 {
		m.note(ledger.Record{Kind: ledger.Further, Seq: *f.ReadSeq, Node: s.node + 1})
		return
	}
	m.note(ledger.Record{Kind: ledger.Own, Seq: *f.ReadSeq, Node: s.node + 1})
	s.behind = *f.ReadSeq < m.marked
}

// readBy takes in who has read how far. m.mu is held.
func (m *member) readBy(s *session, reads []readBy) {
	for _, r := range reads {
		m.note(ledger.Record{Kind: ledger.ReadBy, Sender: r.User, Seq: r.Seq, Node: s.node + 1})
	}
}

// greet does what a client of version 2 does once it is connected: it marks again what its server
// does not know, and perhaps asks who has read how far.
func (m *member) greet(s *session) {
	m.mu.Lock()
	behind, seq := s.behind, m.marked
	watch := s.own && m.rng.Float64() < shareWatch
	m.mu.Unlock()
	if m.crew.cfg.spares("mark_read") {
		return
	}
	if behind {
		m.markQuietly(s, m.name(), seq)
	}
	if watch && !m.crew.cfg.spares("watch") {
		s.send([]byte(`{"type":"watch","reads":true}`))
	}
}

// readMarks notes how far each member has read in the end. Of version 2 it marks again, as its
// frame may have been over the rate, and then it is stored soon.
func (cr *crew) readMarks(ctx context.Context) error {
	if cr.cfg.spares("mark_read") || cr.cfg.Losses != nil {
		return nil
	}
	for _, m := range cr.members {
		if err := m.readMark(ctx); err != nil {
			return err
		}
	}
	return cr.js.readMarks(ctx)
}

func (m *member) readMark(ctx context.Context) error {
	m.mu.Lock()
	marked, s, version := m.marked, m.sess, 1
	if s != nil {
		version = s.version()
	}
	m.mu.Unlock()
	if marked == 0 {
		return nil
	}
	if version > 1 {
		m.markQuietly(s, fmt.Sprintf("v%s-%d-end", m.crew.run, m.id), marked)
	}
	for until := time.Now().Add(markedWithin); ; {
		seq, err := retry(ctx, func() (int64, error) { return m.readUpTo(ctx) })
		if err != nil {
			return err
		}
		if version < 2 || seq >= marked || time.Now().After(until) {
			m.note(ledger.Record{Kind: ledger.Marked, Seq: seq, Version: version})
			return nil
		}
		time.Sleep(settlePeriod)
	}
}

// readUpTo asks how far the member's user has read.
func (m *member) readUpTo(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var r struct {
		ReadSeq int64 `json:"read_seq"`
	}
	target := "/api/v1/chat/rooms/" + fleet.Trip(m.room).String() + "/read/"
	err := m.crew.rest.call(ctx, m.crew.nodes[m.node()], m.bearer, http.MethodPost, target, map[string]int64{"seq": 0}, &r)
	return r.ReadSeq, err
}
