package room

import (
	"context"
	"fmt"
	"runtime"
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

// gate checks tokens and rights off the loops: a bounded queue and a worker for
// each core for the tokens, the access combiner for the rights. A token that
// names an unknown key, which anybody can make, waits apart for the keys to be
// asked for, so that nobody else waits with it.
type gate struct {
	s        *Service
	mu       sync.RWMutex // against a send on the closed queue
	closed   bool
	queue    chan entering
	patience chan entering // tokens whose key is not known yet
	workers  sync.WaitGroup
	patient  sync.WaitGroup
}

type entering struct {
	EnterRequest
	done func(Entry, error)
}

func newGate(ctx context.Context, s *Service) *gate {
	g := &gate{s: s, queue: make(chan entering, enterQueueMax), patience: make(chan entering, patienceMax)}
	for range runtime.GOMAXPROCS(0) {
		g.workers.Go(g.work)
	}
	for range patientWorkers {
		g.patient.Go(func() {
			for e := range g.patience {
				id, err := s.verify.Verify(ctx, e.Bearer)
				g.verified(e, id, err)
			}
		})
	}
	return g
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	close(g.queue)
	g.mu.Unlock()
	g.workers.Wait()
	close(g.patience)
	g.patient.Wait()
}

// Enter checks a client's token, and whether the user may enter the trip's
// room. done is called once, from a goroutine of the service or, when the door
// is crowded, at once; it must not block. Its error is or wraps ErrUnauthorized,
// ErrForbidden or ErrUnavailable.
func (s *Service) Enter(r EnterRequest, done func(Entry, error)) {
	g := s.gate
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.closed {
		select {
		case g.queue <- entering{r, done}:
			return
		default:
		}
	}
	s.stats.EnterUnavailable.Add(1)
	done(Entry{}, ErrUnavailable)
}

// work checks tokens without ever waiting for a key.
func (g *gate) work() {
	now, cancel := context.WithCancel(context.Background())
	cancel() // to Verify, an ended context means: do not wait
	for e := range g.queue {
		id, err := g.s.verify.Verify(now, e.Bearer)
		if token.ReasonOf(err) != token.ReasonKey {
			g.verified(e, id, err)
			continue
		}
		select {
		case g.patience <- e:
		default:
			g.s.stats.EnterUnavailable.Add(1)
			e.done(Entry{}, ErrUnavailable)
		}
	}
}

// verified goes on with the rights, or refuses.
func (g *gate) verified(e entering, id token.Identity, err error) {
	if err != nil {
		g.s.stats.Unauthorized.Add(1)
		e.done(Entry{}, fmt.Errorf("%w: %w", ErrUnauthorized, err))
		return
	}
	question := AccessQuestion{User: id.User, Place: e.Place, TripOnly: true}
	g.s.access.do(question, nil, func(a Access, err error) {
		entry, err := g.s.judge(a, err, e.PlaceOK)
		entry.Expires = id.Expires
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

// Recheck asks whether users may still enter rooms. The answers stand in the
// order of the questions; with an error, which wraps ErrUnavailable, they are
// those to the first ones.
func (s *Service) Recheck(ctx context.Context, questions []AccessQuestion) ([]Access, error) {
	answers := make([]Access, 0, len(questions))
	for len(questions) > 0 {
		n := min(len(questions), roundBatchMax)
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		part, err := s.store.Access(look, questions[:n])
		cancel()
		if err != nil {
			return answers, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		answers = append(answers, part...)
		questions = questions[n:]
	}
	return answers, nil
}
