package room

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// sinceReads answers SinceQueries by bulk reads. Equal ones that wait together are one
// read, which stands in the line of each user who asks.
type sinceReads struct {
	s     *Service
	looks atomic.Int64 // looks into the store
	asked atomic.Int64 // questions answered by them

	mu      sync.Mutex
	waiting map[SinceQuery]*sinceRead // by a query of nobody
}

// sinceRead is one query that waits.
type sinceRead struct {
	askers []bulkAsker[Page]
	lines  map[uuid.UUID]struct{} // in which it stands
}

// do asks q, as combiner.do does. It refuses with ErrRateLimited where too much of the
// user waits already.
func (r *sinceReads) do(q SinceQuery, who asker[Page]) {
	if err := r.put(q, bulkAsker[Page]{who, time.Now()}); err != nil {
		who.done(Page{}, err)
	}
}

func (r *sinceReads) put(q SinceQuery, who bulkAsker[Page]) error {
	user := q.User
	q.User = uuid.Nil
	r.mu.Lock()
	defer r.mu.Unlock()
	read := r.waiting[q]
	if read == nil {
		read = &sinceRead{lines: make(map[uuid.UUID]struct{}, 1)}
	}
	if len(read.askers) >= lookupQueueMax {
		return ErrBusy
	}
	if _, stands := read.lines[user]; !stands {
		if err := r.s.bulk.put(user, func(ctx context.Context) { r.answer(ctx, q, read) }); err != nil {
			return err
		}
		read.lines[user] = struct{}{}
		r.waiting[q] = read
	}
	read.askers = append(read.askers, who)
	return nil
}

// answer looks into the store for those who ask, unless another line came first.
func (r *sinceReads) answer(ctx context.Context, q SinceQuery, read *sinceRead) {
	r.mu.Lock()
	if r.waiting[q] == read {
		delete(r.waiting, q)
	}
	askers := read.askers
	read.askers = nil
	r.mu.Unlock()
	if askers = present(r.s.bulk, askers); len(askers) == 0 {
		return
	}
	end := newLookEnd()
	for _, asker := range askers {
		end.await(asker.until)
	}
	ctx, cancel := context.WithDeadline(ctx, end.at)
	p, err := bulkLook(ctx, r.s.bulk, func(ctx context.Context) (Page, error) { return r.s.readSince(ctx, q) })
	cancel()
	r.looks.Add(1)
	r.asked.Add(int64(len(askers)))
	for _, asker := range askers {
		_ = r.s.guard.Call("asker", func() { asker.done(p, err) })
	}
}

// readSince looks into the store for what changed.
func (s *Service) readSince(ctx context.Context, q SinceQuery) (Page, error) {
	if !s.cfg.Unsent.Open() {
		return Page{}, ErrCrowded
	}
	q.Bytes = s.cfg.HistoryBytes
	births, t := s.hub.births.Load(), s.store.Timeline()
	p, err := Changes(ctx, s.store, q)
	if err != nil {
		return p, err
	}
	p.Timeline = t
	if p.Rewound || p.Seq < q.Since {
		if err := s.mayTellLess(ctx, t); err != nil {
			return Page{}, err
		}
	}
	if !s.hub.show(q.Room, p.last, births, t) {
		return Page{}, ErrSuperseded
	}
	if p.keepOldest(newFit(q.Bytes, resumeBesides(q.Since, p.Seq))) {
		p.Stand = p.Messages[len(p.Messages)-1].Rev
	}
	return p, nil
}

// mayTellLess says why a client must not be told that the store has less than it knows, on
// a timeline. A node that reaches a former primary alone finds less there, and only the
// others can tell that from a store that went back: where they cannot be asked, the client
// is to come again.
func (s *Service) mayTellLess(ctx context.Context, t Timeline) error {
	if s.backplane == nil || t == 0 { // there are no others, or they cannot tell
		return nil
	}
	if err := s.backplane.AskPrimary(ctx); err != nil {
		return fmt.Errorf("a client knows more than the store: %w: %w", ErrUnavailable, err)
	}
	if s.Superseded(t) {
		return ErrSuperseded
	}
	return nil
}

// resumeBesides is what an answer to since has besides its messages.
func resumeBesides(since, seq int64) int {
	return len(protocol.AppendResume(nil, protocol.RoomInfo{RoomSettings: widestSettings}, since, nil, seq, false))
}
