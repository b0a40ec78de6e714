package room

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// History is a room's past as a newcomer gets it: one frame, and the number
// after which live events go on. It never changes, so newcomers share it.
type History struct {
	Frame []byte // JSON text
	Seq   int64

	forms forms
}

// Derive returns what make made of the history the first time it was called with
// the form.
func (h *History) Derive(f Form, make func(*History) any) any {
	return h.forms.derive(f, func() any { return make(h) })
}

// History answers with a room's last messages: from memory where they are kept
// there, otherwise from the store, in one look with others who ask. done is
// called once, from a goroutine of the service or at once; it must not block.
//
// Who follows the room from before the call misses nothing by dropping the
// events up to History.Seq.
func (s *Service) History(room uuid.UUID, done func(*History, error)) {
	if h := s.Recent(room); h != nil {
		done(h, nil)
		return
	}
	s.latest.do(room, nil, done)
}

// Recent returns what History would answer from memory, or nil.
func (s *Service) Recent(room uuid.UUID) *History {
	if s.backplane != nil && !s.backplane.Healthy() {
		return nil
	}
	h := s.hub.history(room)
	if h != nil {
		s.stats.HistoriesFromTail.Add(1)
	}
	return h
}

// Resume answers with what changed in a room after the number since. done is
// called as History does it, but not at all where left, which any goroutine may
// call, says that the client has gone before the store was asked: no two clients
// need stand at the same number, so each costs a look. Where more than the frame
// holds has changed, History.Seq is still the number that live events go on from.
//
// Where the store went back behind what the client has, the answer has it begin anew.
func (s *Service) Resume(q SinceQuery, left func() bool, done func(*History, error)) {
	q.Limit = protocol.ResumeMessagesMax
	s.since.do(q, left, func(p Page, err error) {
		switch {
		case err != nil:
			done(nil, err)
		case p.Rewound:
			done(&History{Seq: p.Seq, Frame: protocol.AppendRewound(nil)}, nil)
		default:
			done(&History{Seq: p.Seq, Frame: protocol.AppendResume(nil, q.Since, p.Bodies, p.Stand, p.HasMore)}, nil)
		}
	})
}

// readHistories is the latest combiner's look into the store.
func (s *Service) readHistories(ctx context.Context, rooms []uuid.UUID) ([]*History, error) {
	births := s.hub.births.Load()
	pages, err := s.store.Latest(ctx, rooms, Limit{s.cfg.HistoryMessages, s.cfg.HistoryBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	histories := make([]*History, len(rooms))
	for i := range pages {
		histories[i] = s.hub.keepTail(rooms[i], &pages[i], births)
	}
	return histories, nil
}

// readSince is the since combiner's look into the store: equal questions that
// wait together are answered by one.
func (s *Service) readSince(ctx context.Context, qs []SinceQuery) ([]Page, error) {
	pages := make([]Page, len(qs))
	for i, q := range qs {
		q.Bytes = s.cfg.HistoryBytes
		p, err := Changes(ctx, s.store, q)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if p.keepOldest(newFit(q.Bytes, len(protocol.AppendResume(nil, q.Since, nil, p.Seq, false)))) {
			p.Stand = p.Messages[len(p.Messages)-1].Rev
		}
		pages[i] = p
	}
	return pages, nil
}
