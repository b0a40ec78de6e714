package room

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
)

// EnterRequest is a client at the door of a room.
type EnterRequest struct {
	Bearer  string
	Place   uuid.UUID // the trip's id
	PlaceOK bool      // false: what the client gave is no UUID, so no such trip
}

// Entry is a client that was let in.
type Entry struct {
	User    *protocol.User
	Room    Info
	Expires time.Time // when the token does
}

// gate checks tokens and rights off the loops. Clients that come within a moment
// go through together, so that goroutines, loops and the database are woken up once
// for all of them; who comes alone does not wait. A token that names an unknown key,
// which anybody can make, waits apart for the keys to be asked for, so that nobody
// else waits with it.
type gate struct {
	s        *Service
	mu       sync.Mutex
	wake     *sync.Cond
	queue    []entering    // guarded by mu; oldest first
	taken    time.Time     // guarded by mu: when somebody took from the queue last
	closed   bool          // guarded by mu
	patience chan entering // tokens whose key is not known yet
	workers  sync.WaitGroup
	patient  sync.WaitGroup
}

// enterPause is how long those who come right after others wait for company: little
// beside the round trips that a client needs for its handshake.
const enterPause = 2 * time.Millisecond

type entering struct {
	EnterRequest
	done func(Entry, error)
	id   token.Identity // once the token is accepted
}

func newGate(ctx context.Context, s *Service) *gate {
	g := &gate{s: s, patience: make(chan entering, patienceMax)}
	g.wake = sync.NewCond(&g.mu)
	for range runtime.GOMAXPROCS(0) {
		g.workers.Go(g.work)
	}
	for range patientWorkers {
		g.patient.Go(func() {
			for e := range g.patience {
				if err := g.check(ctx, &e); err != nil {
					g.unauthorized(&e, err)
					continue
				}
				g.ask([]entering{e})
			}
		})
	}
	return g
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wake.Broadcast()
	g.workers.Wait()
	close(g.patience)
	g.patient.Wait()
}

// Enter checks a client's token, and whether the user may enter the trip's
// room. done is called once, from a goroutine of the service or, when the door
// is crowded, at once; it must not block. Its error is or wraps ErrUnauthorized,
// ErrForbidden or ErrUnavailable.
func (s *Service) Enter(r EnterRequest, done func(Entry, error)) {
	if !s.gate.put(entering{EnterRequest: r, done: done}) {
		s.stats.EnterUnavailable.Add(1)
		done(Entry{}, ErrUnavailable)
	}
}

// put queues e, unless too many wait or the gate is closed. A worker waits only
// while the queue is empty; one more is woken up for each further look's worth.
func (g *gate) put(e entering) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.queue) >= enterQueueMax {
		return false
	}
	if g.queue = append(g.queue, e); len(g.queue)%lookupBatchMax == 1 {
		g.wake.Signal() // whoever wakes up takes along who comes meanwhile
	}
	return true
}

// take returns who waits, not sooner than enterPause after the last time unless
// they are enough for a look; nobody means that the gate is closed.
func (g *gate) take() []entering {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.closed {
		if len(g.queue) == 0 {
			g.wake.Wait()
			continue
		}
		pause := enterPause - time.Since(g.taken)
		if pause <= 0 || len(g.queue) >= lookupBatchMax {
			break
		}
		g.mu.Unlock()
		time.Sleep(pause)
		g.mu.Lock()
	}
	n := min(len(g.queue), lookupBatchMax)
	batch := g.queue[:n:n]
	if g.queue = g.queue[n:]; len(g.queue) == 0 {
		g.queue = nil
	}
	g.taken = time.Now()
	return batch
}

// work checks tokens without ever waiting for a key.
func (g *gate) work() {
	now, cancel := context.WithCancel(context.Background())
	cancel() // to Verify, an ended context means: do not wait
	for batch := g.take(); len(batch) > 0; batch = g.take() {
		good := batch[:0]
		for _, e := range batch {
			switch err := g.check(now, &e); {
			case err == nil:
				good = append(good, e)
			case token.ReasonOf(err) == token.ReasonKey:
				g.wait(e)
			default:
				g.unauthorized(&e, err)
			}
		}
		g.ask(good)
	}
}

// check looks at the token.
func (g *gate) check(ctx context.Context, e *entering) (err error) {
	e.id, err = g.s.verify.Verify(ctx, e.Bearer)
	return err
}

// wait lets a token wait for its key.
func (g *gate) wait(e entering) {
	select {
	case g.patience <- e:
	default:
		g.s.stats.EnterUnavailable.Add(1)
		e.done(Entry{}, ErrUnavailable)
	}
}

func (g *gate) unauthorized(e *entering, err error) {
	g.s.stats.Unauthorized.Add(1)
	e.done(Entry{}, fmt.Errorf("%w: %w", ErrUnauthorized, err))
}

// ask goes on with the rights of those whose tokens are good.
func (g *gate) ask(good []entering) {
	questions := make([]AccessQuestion, len(good))
	for i, e := range good {
		questions[i] = AccessQuestion{User: e.id.User, Place: e.Place, TripOnly: true}
	}
	g.s.access.doAll(questions, func(i int, a Access, err error) {
		e := &good[i]
		entry, err := g.s.judge(a, err, e.PlaceOK)
		entry.Expires = e.id.Expires
		e.done(entry, err)
	})
}

// judge turns the answer to an access question into an entry or a refusal.
func (s *Service) judge(a Access, err error, placeOK bool) (Entry, error) {
	switch {
	case err != nil:
		s.stats.EnterUnavailable.Add(1)
		return Entry{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !a.UserKnown:
		s.stats.Unauthorized.Add(1)
		return Entry{}, ErrUnauthorized
	case !placeOK || !a.Allowed:
		s.stats.Forbidden.Add(1)
		return Entry{}, ErrForbidden
	}
	s.stats.Entered.Add(1)
	return Entry{User: compact(&a.User), Room: a.Room}, nil
}

// compact returns a copy of a user whose texts share one piece of memory, as it
// is kept for as long as the connection lives.
func compact(u *protocol.User) *protocol.User {
	all := u.Email + u.Username + u.FirstName + u.LastName
	cut := func(n int) (s string) {
		s, all = all[:n], all[n:]
		return s
	}
	return &protocol.User{
		ID: u.ID, Email: cut(len(u.Email)), Username: cut(len(u.Username)),
		FirstName: cut(len(u.FirstName)), LastName: cut(len(u.LastName)),
	}
}

// Recheck asks whether users may still enter rooms. Answers and errors stand in the
// order of the questions. An error wraps ErrUnavailable: the store could not say, and
// there is no answer.
func (s *Service) Recheck(ctx context.Context, questions []AccessQuestion) (answers []Access, errs []error) {
	answers, errs = make([]Access, len(questions)), make([]error, len(questions))
	var down error
	for from := 0; from < len(questions); from += roundBatchMax {
		to := min(from+roundBatchMax, len(questions))
		part, failed := []Access(nil), slices.Repeat([]error{down}, to-from)
		if down == nil {
			look, cancel := context.WithTimeout(ctx, lookupTimeout)
			part, failed = inParts(look, questions[from:to], s.store.Access)
			cancel()
		}
		copy(answers[from:], part)
		for i, err := range failed {
			if err != nil && !errors.Is(err, ErrUnreadable) {
				down = err
			}
			errs[from+i] = unavailable(err)
		}
	}
	return answers, errs
}
