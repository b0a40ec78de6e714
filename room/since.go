package room

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// sinceReads answers SinceQueries by bulk reads. Equal ones that wait together are one
// question, which stands in the line of each user who asks. Questions whose turn comes together
// are one look, each as good as one of its own; but for those of who missed much.
type sinceReads struct {
	s     *Service
	looks atomic.Int64 // looks into the store
	asked atomic.Int64 // questions answered by them

	mu      sync.Mutex
	waiting map[SinceQuery]*sinceRead // by a query of nobody
}

// sinceRead is one query that waits.
type sinceRead struct {
	query  SinceQuery // of nobody
	askers []bulkAsker[Page]
	lines  map[uuid.UUID]struct{} // in which it stands
}

func newSinceReads(s *Service) *sinceReads {
	r := &sinceReads{s: s, waiting: make(map[SinceQuery]*sinceRead)}
	s.bulk.together = r.answer
	return r
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
		read = &sinceRead{query: q, lines: make(map[uuid.UUID]struct{}, 1)}
	}
	if len(read.askers) >= lookupQueueMax {
		return ErrBusy
	}
	if _, stands := read.lines[user]; !stands {
		if err := r.line(user, read); err != nil {
			return err
		}
		read.lines[user] = struct{}{}
		r.waiting[q] = read
	}
	read.askers = append(read.askers, who)
	return nil
}

// line puts a read into a user's line.
func (r *sinceReads) line(user uuid.UUID, read *sinceRead) error {
	if r.s.hub.standOf(read.query.Room)-read.query.Since > togetherNumbersMax {
		return r.s.bulk.put(user, func(ctx context.Context) { r.answer(ctx, []*sinceRead{read}) })
	}
	return r.s.bulk.putTogether(user, read)
}

// answer looks into the store for those who ask, unless another line came first.
func (r *sinceReads) answer(ctx context.Context, reads []*sinceRead) {
	var qs []SinceQuery
	var askers [][]bulkAsker[Page]
	end := newLookEnd()
	for _, read := range reads {
		here := present(r.s.bulk, r.askersOf(read))
		if len(here) == 0 {
			continue
		}
		qs, askers = append(qs, read.query), append(askers, here)
		for _, asker := range here {
			end.await(asker.until)
		}
	}
	var more []int
	switch len(qs) {
	case 0:
		return
	case 1:
		more = []int{0}
	default:
		more = r.answerTogether(ctx, end.at, qs, askers)
	}
	for _, i := range more {
		r.answerAlone(ctx, qs[i], askers[i])
	}
}

// askersOf takes those out who wait for a read.
func (r *sinceReads) askersOf(read *sinceRead) []bulkAsker[Page] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[read.query] == read {
		delete(r.waiting, read.query)
	}
	askers := read.askers
	read.askers = nil
	return askers
}

// answerTogether answers several questions by one look that ends at a time. It returns those
// that have more to them than fits into it.
func (r *sinceReads) answerTogether(ctx context.Context, until time.Time, qs []SinceQuery, askers [][]bulkAsker[Page]) (more []int) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	found := r.s.lookSince(ctx, qs)
	r.looks.Add(1)
	for i := range found {
		if found[i].more {
			more = append(more, i)
			continue
		}
		r.tell(askers[i], found[i].page, found[i].err)
	}
	return more
}

// answerAlone answers one question by a look of its own.
func (r *sinceReads) answerAlone(ctx context.Context, q SinceQuery, askers []bulkAsker[Page]) {
	end := newLookEnd()
	for _, asker := range askers {
		end.await(asker.until)
	}
	ctx, cancel := context.WithDeadline(ctx, end.at)
	defer cancel()
	p, err := bulkLook(ctx, r.s.bulk, func(ctx context.Context) (Page, error) { return r.s.readSince(ctx, q) })
	r.looks.Add(1)
	r.tell(askers, p, err)
}

func (r *sinceReads) tell(askers []bulkAsker[Page], p Page, err error) {
	r.asked.Add(int64(len(askers)))
	for _, asker := range askers {
		_ = r.s.guard.Call("asker", func() { asker.done(p, err) })
	}
}

// sinceFound is what one of several looked up together has found.
type sinceFound struct {
	page Page
	err  error
	more bool // there is more than was looked at: it is to be asked alone
}

// lookSince looks into the store for what several ask, in one look.
func (s *Service) lookSince(ctx context.Context, qs []SinceQuery) []sinceFound {
	found := make([]sinceFound, len(qs))
	if !s.cfg.Unsent.Open() {
		for i := range found {
			found[i].err = unavailable(ErrCrowded)
		}
		return found
	}
	queries := make([]WalkQuery, len(qs))
	for i := range qs {
		qs[i].Bytes = s.cfg.HistoryBytes
		queries[i] = qs[i].walk()
		queries[i].Limit = Limit{togetherNumbersMax, max(1, qs[i].Bytes/togetherShare)}
	}
	births, t := s.hub.births.Load(), s.store.Timeline()
	walks, errs := inParts(ctx, s.guard, queries, s.store.Walks)
	for i := range found {
		f := &found[i]
		switch {
		case errs != nil && errs[i] != nil:
			f.err = s.bulk.busy(errs[i])
		case walks[i].HasMore:
			f.more = true
		default:
			err := s.guard.Run("answer to since", func() (err error) {
				f.page, err = s.sincePage(ctx, &qs[i], &walks[i], births, t)
				return err
			})
			f.err = s.bulk.busy(err)
		}
	}
	return found
}

// readSince looks into the store for what changed.
func (s *Service) readSince(ctx context.Context, q SinceQuery) (Page, error) {
	if !s.cfg.Unsent.Open() {
		return Page{}, ErrCrowded
	}
	q.Bytes = s.cfg.HistoryBytes
	births, t := s.hub.births.Load(), s.store.Timeline()
	w, err := s.store.Walk(ctx, q.walk())
	if err != nil {
		return Page{}, err
	}
	return s.sincePage(ctx, &q, &w, births, t)
}

// sincePage makes the answer of what a look has found, which began after so many births, on that
// timeline.
func (s *Service) sincePage(ctx context.Context, q *SinceQuery, w *Walk, births int64, t Timeline) (Page, error) {
	p := q.changes(w)
	p.Timeline = t
	if p.Rewound || p.Seq < q.Since {
		if err := s.mayTellLess(ctx, t); err != nil {
			return Page{}, err
		}
	}
	if q.live && t > 0 && p.last.seq < p.Seq { // it has more, and events follow all the same
		var err error
		if p.last, err = s.endOf(ctx, q.Room, p.Seq); err != nil {
			return Page{}, err
		}
		if s.Superseded(t) {
			return Page{}, ErrSuperseded
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

// endOf is the place where a room's log ends, or ended a moment ago: at that number at least.
func (s *Service) endOf(ctx context.Context, room uuid.UUID, seq int64) (cursor, error) {
	heads, err := s.store.Heads(ctx, []uuid.UUID{room})
	switch {
	case errors.Is(err, ErrUnreadable):
		return cursor{seq: seq}, nil // then the number has to do
	case err != nil:
		return cursor{}, err
	case heads[0].Seq < seq: // it went back meanwhile: the client comes again
		return cursor{}, ErrUnavailable
	}
	return cursor{heads[0].Seq, heads[0].Row, heads[0].Message}, nil
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
