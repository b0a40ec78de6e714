package room

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
)

// Authenticate checks a bearer token. Its error wraps ErrUnauthorized, or ErrUnavailable
// where the token could not be judged.
func (s *Service) Authenticate(ctx context.Context, bearer string) (token.Identity, error) {
	id, err := s.verify.VerifyNow(bearer)
	if token.ReasonOf(err) == token.ReasonKey {
		id, err = s.admission.keys.verify(ctx, bearer)
	}
	if errors.Is(err, token.ErrKeysAway) {
		s.stats.KeysUnknown.Add(1)
		return token.Identity{}, unavailable(err)
	}
	if err != nil {
		return token.Identity{}, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	return id, nil
}

// Access says who a user is and whether they may enter the room with the given
// id, or of the trip with that id. The nil id names none, whatever is stored. Its
// error wraps ErrUnavailable.
func (s *Service) Access(ctx context.Context, user, place uuid.UUID) (Access, error) {
	a, err := s.access.get(ctx, AccessQuestion{User: user, Place: place})
	if place == uuid.Nil {
		a = Access{UserKnown: a.UserKnown, User: a.User}
	}
	if a.Allowed {
		a.May = s.cfg.Roles.Of(a.Role)
	}
	return a, unavailable(err)
}

// readAccess is the access combiner's look into the store.
func (s *Service) readAccess(ctx context.Context, questions []AccessQuestion) ([]Access, error) {
	t := s.store.Timeline()
	answers, err := s.store.Access(ctx, questions)
	for i := range answers {
		answers[i].Room.Timeline = t
	}
	return answers, err
}

// AccessAll says of many places, which go into one look, what Access says of one. Answers and
// errors stand in their order. done is called once, from a goroutine of the service or at
// once; it must not block.
func (s *Service) AccessAll(user uuid.UUID, places []uuid.UUID, done func([]Access, []error)) {
	answers, errs := make([]Access, len(places)), make([]error, len(places))
	questions := make([]AccessQuestion, len(places))
	for i, place := range places {
		questions[i] = AccessQuestion{User: user, Place: place}
	}
	var left atomic.Int64
	left.Store(int64(len(places)))
	s.access.doAll(questions, func(i int, a Access, err error) {
		if a.Allowed {
			a.May = s.cfg.Roles.Of(a.Role)
		}
		answers[i], errs[i] = a, unavailable(err)
		if left.Add(-1) == 0 {
			done(answers, errs)
		}
	})
}

// PageQuery asks for a page of a room by message seq: the newest where neither
// Before nor After is set.
type PageQuery struct {
	User   uuid.UUID // who asks
	Room   uuid.UUID
	Answer uuid.UUID // only messages that answer this one; zero: all
	Before *int64    // exclusive
	After  *int64    // exclusive
	Limit  int
	// Besides is how many bytes the answer has besides the messages.
	Besides int
}

// Page reads a page of a room when it is the user's turn. HasMore says that more lie
// in the direction of travel: older ones for the newest page and Before, newer ones for
// After. The page holds what fits into Config.HistoryBytes. Its error wraps
// ErrUnavailable (also as ErrBusy) or ErrRateLimited, as do those of the other reads.
func (s *Service) Page(ctx context.Context, q PageQuery) (Page, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (Page, error) { return s.readPage(ctx, &q) })
	if err == nil {
		s.charge(q.User, p.cost())
	}
	return p, err
}

func (s *Service) readPage(ctx context.Context, q *PageQuery) (p Page, err error) {
	births, t := s.hub.births.Load(), s.store.Timeline()
	limit, f := Limit{q.Limit, s.cfg.HistoryBytes}, newFit(s.cfg.HistoryBytes, q.Besides)
	before := int64(math.MaxInt64)
	if q.Before != nil {
		before = *q.Before
	}
	switch {
	case q.After != nil && q.Answer != uuid.Nil:
		p, err = s.store.RepliesAfter(ctx, q.Room, q.Answer, *q.After, limit)
	case q.After != nil:
		p, err = s.store.After(ctx, q.Room, *q.After, limit)
	case q.Answer != uuid.Nil:
		p, err = s.store.RepliesBefore(ctx, q.Room, q.Answer, before, limit)
	default:
		p, err = s.store.Before(ctx, q.Room, before, limit)
	}
	if err == nil {
		err = s.setOwnOfPage(ctx, q.User, &p)
	}
	if end := p.end(); err == nil && end.row != (uuid.UUID{}) {
		s.hub.show(q.Room, end, births, t)
	}
	if err == nil && s.Superseded(t) {
		err = ErrSuperseded
	}
	if q.After != nil {
		p.keepOldest(f)
	} else {
		p.keepNewest(f)
	}
	return p, err
}

// Since reads what changed in a room after a number, in the order of rev.
func (s *Service) Since(ctx context.Context, q SinceQuery) (Page, error) {
	p, err := answerOf(ctx, func(who asker[Page]) { s.since.do(q, who) })
	if err != nil {
		return p, err
	}
	s.charge(q.User, p.cost())
	p, err = s.withOwn(ctx, q.User, p)
	if err == nil && s.Superseded(p.Timeline) { // meanwhile
		return Page{}, unavailable(ErrSuperseded)
	}
	if err == nil {
		p.cutResume(newFit(s.cfg.HistoryBytes, resumeBesides(q.Since, p.Seq)))
	}
	return p, err
}

// Message reads one message for a user. ErrNoMessage where there is none.
func (s *Service) Message(ctx context.Context, user, id uuid.UUID) (protocol.Message, error) {
	m, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (protocol.Message, error) { return s.store.Message(ctx, id) })
	if err == nil {
		s.charge(user, readCost(len(m.Content), 1))
	}
	return m, err
}

// RoomsQuery asks for a page of a user's rooms, by id.
type RoomsQuery struct {
	User, After uuid.UUID // After: exclusive; zero: from the first
	Limit       int
	Besides     int // bytes that the answer has besides the rooms
}

// Rooms lists a user's rooms, those that fit into Config.HistoryBytes.
func (s *Service) Rooms(ctx context.Context, q RoomsQuery) (RoomPage, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (RoomPage, error) {
		p, err := s.store.Rooms(ctx, q.User, q.After, Limit{q.Limit, s.cfg.HistoryBytes})
		if err == nil {
			err = s.setOwn(ctx, q.User, p.lasts())
		}
		s.setOnline(&p)
		p.keepFirst(newFit(s.cfg.HistoryBytes, q.Besides))
		return p, err
	})
	if err == nil {
		s.charge(q.User, readCost(bodyBytes(p.Bodies), p.looked()))
	}
	return p, err
}

// looked is how many rows were read for the page.
func (p *RoomPage) looked() (n int) {
	for i := range p.Rooms {
		n += 1 + p.Rooms[i].Reading.Looked
	}
	return n
}

// Room returns the JSON object that a room is in the list of a user's, who may enter it.
func (s *Service) Room(ctx context.Context, user uuid.UUID, in *Access) ([]byte, error) {
	r, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (Summary, error) {
		r := Summary{Info: in.Room, Role: in.Role}
		last, err := s.store.Before(ctx, in.Room.ID, math.MaxInt64, Limit{Messages: 1})
		if err != nil {
			return r, err
		}
		if r.Seq = last.Seq; len(last.Messages) > 0 {
			r.Last = &last.Messages[0]
		}
		if r.Last != nil {
			if err := s.setOwn(ctx, user, []*protocol.Message{r.Last}); err != nil {
				return r, err
			}
		}
		r.Reading, err = s.store.Reading(ctx, in.Room.ID, user)
		r.Online, r.OnlineKnown = s.presence.Online(in.Room.ID)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	body := r.encode()
	s.charge(user, readCost(len(body), 1+r.Reading.Looked))
	return body, nil
}

// Reading says how far a user has read in a room.
func (s *Service) Reading(ctx context.Context, user, room uuid.UUID) (Reading, error) {
	r, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (Reading, error) { return s.store.Reading(ctx, room, user) })
	if err == nil {
		s.charge(user, readCost(0, 1+r.Looked))
	}
	return r, err
}

// ReadMarksQuery asks for a page of a room's read marks, by user.
type ReadMarksQuery struct {
	User        uuid.UUID // who asks
	Room, After uuid.UUID // After: exclusive; zero: from the first
	Limit       int
}

// ReadMarks lists who has read how far in a room.
func (s *Service) ReadMarks(ctx context.Context, q ReadMarksQuery) (ReadMarkPage, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (ReadMarkPage, error) {
		return s.store.ReadMarks(ctx, q.Room, q.After, q.Limit)
	})
	if err == nil {
		s.charge(q.User, readCost(0, len(p.Marks)))
	}
	return p, err
}

// Readers lists who has read up to a message, for a user.
func (s *Service) Readers(ctx context.Context, user uuid.UUID, q ReadersQuery) (ReaderPage, error) {
	p, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (ReaderPage, error) { return s.store.Readers(ctx, q) })
	if err == nil {
		s.charge(user, readCost(0, 1+max(p.Count, len(p.Users)))) // who is counted is read
	}
	return p, err
}

// Wait answers like Since, but where no number is greater than the one asked for it waits
// until there is one. When ctx ends first the answer is an empty page with the room's
// number. Where the store went back, or goes back meanwhile, it says so at once.
func (s *Service) Wait(ctx context.Context, room Info, q SinceQuery) (Page, error) {
	if s.Superseded(room.Timeline) {
		return Page{}, unavailable(ErrSuperseded)
	}
	w := &waiter{after: q.Since, news: make(chan struct{}, 1)}
	s.Follow(room.ID, room.Seq, w)
	defer s.Unfollow(room.ID, w)
	stand := min(q.Since, room.Seq)
	last := Page{Seq: stand, Stand: stand, Timeline: room.Timeline} // nothing was read yet: the caller stands where it stood
	for {
		if w.rewound.Load() {
			return Page{HasMore: true, Rewound: true, Timeline: s.Timeline()}, nil
		}
		p, err := s.sinceInTime(ctx, q)
		switch {
		case err != nil && isOver(ctx):
			return s.unchanged(last, stand), nil // time is up: what is known is the answer
		case err != nil || len(p.Messages) > 0 || p.HasMore:
			return p, err
		case p.Seq < q.Since && q.Last != (uuid.UUID{}): // the caller has an event that is not there
			return Page{HasMore: true, Rewound: true, Timeline: p.Timeline}, nil
		}
		last = p
		select {
		case <-w.news:
		case <-ctx.Done():
			return s.unchanged(last, stand), nil
		}
	}
}

// isOver reports whether ctx has ended, or its time is up: where processors are short the context itself
// hears of that last.
func isOver(ctx context.Context) bool {
	until, ends := ctx.Deadline()
	return ctx.Err() != nil || ends && !time.Now().Before(until)
}

// unchanged is the answer to who has waited in vain, where last was read last. What a former
// primary had is not told: the caller stands where it stood.
func (s *Service) unchanged(last Page, stand int64) Page {
	now := s.Timeline()
	if last.Timeline < now {
		return Page{Seq: stand, Stand: stand, Timeline: now}
	}
	return last
}

// sinceInTime is Since for who waits for long: each look has its own time.
func (s *Service) sinceInTime(ctx context.Context, q SinceQuery) (Page, error) {
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return s.Since(look, q)
}

// waiter is a listener that only says that there is something after a number.
type waiter struct {
	after   int64
	news    chan struct{}
	rewound atomic.Bool
}

func (w *waiter) Deliver(b *Batch) Waker {
	if b.Last() > w.after {
		w.wake()
	}
	return nil
}

func (w *waiter) Rewound() Waker {
	w.rewound.Store(true)
	w.wake()
	return nil
}

func (w *waiter) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *waiter) Notify(*Notice) Waker { return nil }

// unavailable marks whatever kept a read from its answer, but for the answer
// that there is no such message, and that the user asks for too much.
func unavailable(err error) error {
	if err == nil || errors.Is(err, ErrNoMessage) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRateLimited) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
