package room

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// History is a room's past as a newcomer gets it: one frame, and the number
// after which live events go on. It never changes, so newcomers share it.
type History struct {
	Frame []byte // JSON text
	Seq   int64

	once    sync.Once
	derived any
}

// Derive returns what make made of the history the first time it was called.
func (h *History) Derive(make func(*History) any) any {
	h.once.Do(func() { h.derived = make(h) })
	return h.derived
}

type sinceQuestion struct {
	room  uuid.UUID
	since int64
	limit int
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
	h := s.dir.history(room)
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
// Where the store has gone back, and the number may be of what it lost, the answer
// begins before that, and says so.
func (s *Service) Resume(room uuid.UUID, since int64, left func() bool, done func(*History, error)) {
	since = s.dir.setbacks.since(room, since)
	s.since.do(sinceQuestion{room, since, protocol.ResumeMessagesMax}, left, func(p Page, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		done(&History{Seq: p.Seq, Frame: protocol.AppendResume(nil, since, Bodies(p.Messages), p.Stand(), p.HasMore)}, nil)
	})
}

// readHistories is the latest combiner's look into the store.
func (s *Service) readHistories(ctx context.Context, rooms []uuid.UUID) ([]*History, error) {
	births := s.dir.births.Load()
	pages, err := s.store.Latest(ctx, rooms, s.cfg.HistoryMessages)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	histories := make([]*History, len(rooms))
	for i := range pages {
		histories[i] = s.dir.keepTail(rooms[i], &pages[i], births)
	}
	return histories, nil
}

// readSince is the since combiner's look into the store: equal questions that
// wait together are answered by one.
func (s *Service) readSince(ctx context.Context, qs []sinceQuestion) ([]Page, error) {
	pages := make([]Page, len(qs))
	for i, q := range qs {
		p, err := s.store.Since(ctx, q.room, q.since, q.limit)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		pages[i] = p
	}
	return pages, nil
}

// Bodies encodes messages one by one, in one buffer.
func Bodies(messages []protocol.Message) [][]byte {
	var buf []byte
	ends := make([]int, len(messages))
	for i := range messages {
		buf = protocol.AppendMessage(buf, &messages[i])
		ends[i] = len(buf)
	}
	out := make([][]byte, len(messages))
	start := 0
	for i, end := range ends {
		out[i] = buf[start:end:end]
		start = end
	}
	return out
}
