package room

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/queue"
)

// EnterRequest is a client that asks to enter a room.
type EnterRequest struct {
	Bearer   string
	Place    uuid.UUID // the trip's id
	PlaceOK  bool      // false: what the client gave is no UUID, so no such trip
	UserOnly bool      // no room is asked for
}

// Entry is a client that was let in. What concerns a room is zero where none was asked for.
type Entry struct {
	User    CompactUser
	Room    Info
	Role    string
	May     protocol.Permissions
	ReadSeq int64     // how far the user has read
	Expires time.Time // when the token does
}

// admission checks tokens and rights off the loops. Its workers never wait for a
// key: a token that names an unknown one goes to the key waiters. Some of them, but never
// all, may wait for the store. Clients that come
// within a moment are checked together, so that the database and the loops are woken
// once for all of them. A client that comes alone does not wait.
type admission struct {
	s       *Service
	queue   *queue.Queue[entering]
	keys    *keyWaiters
	held    *heldBack
	turn    chan struct{} // has one element while a worker takes from the queue
	taken   time.Time     // of whoever has the turn: when somebody took last
	workers sync.WaitGroup
}

// enterPause is how long clients that come right after others wait for company. It
// is little beside the round trips of a handshake.
const enterPause = 2 * time.Millisecond

// entering is a client whose token or rights are being checked.
type entering struct {
	EnterRequest
	renews uuid.UUID // the user who has entered before, and has another token; zero: enters
	done   func(Entry, error)
	id     token.Identity // once the token is accepted
}

func newAdmission(ctx context.Context, s *Service) *admission {
	a := &admission{s: s, queue: queue.New(enterQueueMax, s.cfg.Bytes.Entering, func(e entering) int { return len(e.Bearer) }), turn: make(chan struct{}, 1)}
	a.keys = newKeyWaiters(ctx, a)
	a.held = newHeldBack(s, func(e *entering) { a.answer(e, Entry{}, ErrRateLimited) })
	for range runtime.GOMAXPROCS(0) + accessWorkers {
		a.workers.Go(a.work)
	}
	return a
}

// close lets the workers finish what waits and returns when they have ended.
func (a *admission) close() {
	a.queue.Close()
	a.workers.Wait()
	a.keys.close()
	a.held.close()
}

// Enter checks a client's token, and whether the user may enter the trip's room.
// done is called once, from a goroutine of the service, or at once where too many
// wait; it must not block. Its error is or wraps ErrUnauthorized, ErrForbidden,
// ErrUnavailable, or ErrRateLimited, as an entry counts as a read.
func (s *Service) Enter(r EnterRequest, done func(Entry, error)) {
	e := entering{EnterRequest: r, done: done}
	if !s.admission.queue.Put(e) {
		s.admission.unavailable(&e, ErrUnavailable)
	}
}

// Renew checks another token of a user who has entered. done is called with its end as Enter
// calls it; ErrForbidden says that it is somebody else's.
func (s *Service) Renew(user uuid.UUID, bearer string, done func(expires time.Time, err error)) {
	e := entering{EnterRequest: EnterRequest{Bearer: bearer}, renews: user, done: func(e Entry, err error) { done(e.Expires, err) }}
	switch {
	case len(bearer) > token.BytesMax:
		s.admission.refuse(&e, errTokenLong)
	case !s.admission.queue.Put(e):
		s.admission.unavailable(&e, ErrUnavailable)
	}
}

var errTokenLong = errors.New("the token is too long")

// renew answers who has another token, which is good.
func (a *admission) renew(e *entering) {
	if e.id.User != e.renews {
		a.s.stats.TokensRefused.Add(1)
		a.answer(e, Entry{}, ErrForbidden)
		return
	}
	a.s.stats.TokensRenewed.Add(1)
	a.answer(e, Entry{Expires: e.id.Expires}, nil)
}

// work checks those who come, until the admission is closed.
func (a *admission) work() {
	verify := func(bearer string) (token.Identity, error) { return a.s.verify.VerifyNow(bearer) }
	for batch := a.take(); len(batch) > 0; batch = a.take() {
		good := batch[:0]
		for i := range batch {
			e := &batch[i] // in place: to have one of its own would be garbage for each client
			switch err := a.check(e, verify); {
			case err == nil:
				good = append(good, *e)
			case token.ReasonOf(err) == token.ReasonKey:
				a.keys.put(*e)
			default:
				a.refuse(e, err)
			}
		}
		a.ask(good)
	}
}

// take returns those who wait; none means that the admission is closed. It waits
// for company unless enterPause has passed since the last time, or enough for one
// look into the store wait already.
func (a *admission) take() []entering {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if !a.queue.Wait(context.Background()) {
		return nil
	}
	if a.queue.Len() < lookupBatchMax {
		time.Sleep(enterPause - time.Since(a.taken))
	}
	a.taken = time.Now()
	return a.queue.Take(nil, lookupBatchMax)
}

// check looks at a client's token.
func (a *admission) check(e *entering, verify func(bearer string) (token.Identity, error)) error {
	return a.s.guard.Run("authenticator", func() (err error) {
		e.id, err = verify(e.Bearer)
		return err
	})
}

// refuse answers a client whose token is not accepted, or could not be checked.
func (a *admission) refuse(e *entering, err error) {
	if errors.Is(err, token.ErrKeysAway) {
		a.s.stats.KeysUnknown.Add(1)
	}
	if errors.Is(err, contain.ErrPanic) || errors.Is(err, token.ErrKeysAway) {
		a.unavailable(e, err)
		return
	}
	if e.renews != uuid.Nil {
		a.s.stats.TokensRefused.Add(1)
	} else {
		a.s.stats.Unauthorized.Add(1)
	}
	a.answer(e, Entry{}, fmt.Errorf("%w: %w", ErrUnauthorized, err))
}

// unavailable answers a client that cannot be checked now.
func (a *admission) unavailable(e *entering, err error) {
	a.s.stats.EnterUnavailable.Add(1)
	a.answer(e, Entry{}, unavailable(err))
}

// answer tells a client what was found.
func (a *admission) answer(e *entering, entry Entry, err error) {
	_ = a.s.guard.Call("answer to a client that enters", func() { e.done(entry, err) })
}

// ask goes on with the rights of those whose tokens are good, and who may read. They are
// the admission's from now on.
func (a *admission) ask(known []entering) {
	good := known[:0]
	for i := range known {
		e := &known[i]
		if e.renews != uuid.Nil {
			a.renew(e)
			continue
		}
		if wait := a.s.MayRead(e.id.User); wait > 0 {
			a.s.stats.EnterLimited.Add(1)
			a.held.refuse(e)
			continue
		}
		good = append(good, *e)
	}
	questions := make([]AccessQuestion, len(good))
	for i, e := range good {
		questions[i] = AccessQuestion{User: e.id.User, Place: e.Place, TripOnly: true}
	}
	a.s.access.doAllHere(questions, func(i int, access Access, err error) {
		e := &good[i]
		entry, err := a.s.judge(access, err, e)
		entry.Expires = e.id.Expires
		a.answer(e, entry, err)
	})
}

// judge turns the answer to an access question into an entry or a refusal.
func (s *Service) judge(a Access, err error, e *entering) (Entry, error) {
	switch {
	case err != nil:
		s.stats.EnterUnavailable.Add(1)
		return Entry{}, unavailable(err)
	case !a.UserKnown:
		s.stats.Unauthorized.Add(1)
		return Entry{}, fmt.Errorf("%w: %w", ErrUnauthorized, a.nobody())
	case e.UserOnly:
		s.stats.Entered.Add(1)
		return Entry{User: Compact(&a.User)}, nil
	case !e.PlaceOK || !a.Allowed:
		s.stats.Forbidden.Add(1)
		return Entry{}, ErrForbidden
	}
	s.stats.Entered.Add(1)
	return Entry{User: Compact(&a.User), Room: a.Room, Role: a.Role, May: s.cfg.Roles.Of(a.Role), ReadSeq: a.ReadSeq}, nil
}
