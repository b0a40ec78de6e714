package attachment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Errors of a turn that does not come.
var (
	ErrCrowded     = errors.New("too many uploads at once")
	ErrUserCrowded = errors.New("too many uploads of one user at once")
)

// slots are the uploads that may be under way. Who finds none free waits for a while, behind those
// who came before, and is not read meanwhile.
type slots struct {
	mu      sync.Mutex
	taken   []*turn           // the one that has gone on for longest first
	users   map[uuid.UUID]int // how many of them each user has
	waiting []*turn           // the one that has waited for longest first
}

// turn is an upload that is under way, or waits for that.
type turn struct {
	user   uuid.UUID
	giveUp func()        // ends it
	come   chan struct{} // closed when it may begin
	over   bool          // giveUp was called
}

// Turn waits until the user may upload, slotWait at most. done gives the turn back. Where the user
// has more turns than others get, giveUp is called when somebody else has waited for half of that.
func (s *Service) Turn(ctx context.Context, user uuid.UUID, giveUp func()) (done func(), err error) {
	t := &turn{user: user, giveUp: giveUp, come: make(chan struct{})}
	done = func() { s.slots.give(t) }
	if err = s.slots.take(t); err != nil {
		return nil, err
	}
	half, whole := time.NewTimer(slotWait/2), time.NewTimer(slotWait)
	defer half.Stop()
	defer whole.Stop()
	for {
		select {
		case <-t.come:
			return done, nil
		case <-half.C:
			s.slots.makeRoom(t)
		case <-whole.C:
			return nil, s.slots.leave(t)
		case <-ctx.Done():
			return nil, s.slots.leave(t)
		}
	}
}

// take lets a turn begin, or wait. Its error says that too many wait already, of all or of the user.
func (s *slots) take(t *turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := s.whyNot(t.user)
	switch {
	case why == nil: // nobody who waits could have it
		s.begin(t)
	case s.waitingOf(t.user) >= UploadsUserMax:
		return ErrUserCrowded
	case len(s.waiting) >= waitingMax:
		return why
	default:
		s.waiting = append(s.waiting, t)
	}
	return nil
}

// whyNot says why a user may not begin.
func (s *slots) whyNot(user uuid.UUID) error {
	switch {
	case s.users[user] >= UploadsUserMax:
		return ErrUserCrowded
	case len(s.taken) >= UploadsMax:
		return ErrCrowded
	}
	return nil
}

// waitingOf returns how many turns a user waits for.
func (s *slots) waitingOf(user uuid.UUID) (n int) {
	for _, t := range s.waiting {
		if t.user == user {
			n++
		}
	}
	return n
}

func (s *slots) begin(t *turn) {
	if s.users == nil {
		s.users = make(map[uuid.UUID]int)
	}
	s.taken = append(s.taken, t)
	s.users[t.user]++
	close(t.come)
}

// give gives a slot back, to the user who has fewest of those who wait and may have it: so it comes
// to whom makeRoom made it for, though others have waited for longer. Among equals it goes to
// whoever has waited for longest.
func (s *slots) give(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = without(s.taken, t)
	if s.users[t.user]--; s.users[t.user] == 0 {
		delete(s.users, t.user)
	}
	var next *turn
	for _, w := range s.waiting {
		if s.whyNot(w.user) == nil && (next == nil || s.users[w.user] < s.users[next.user]) {
			next = w
		}
	}
	if next != nil {
		s.waiting = without(s.waiting, next)
		s.begin(next)
	}
}

// makeRoom ends the upload that has gone on for longest of the user who has most, where even then
// that user has no less than the one who waits. The turn may just have come.
func (s *slots) makeRoom(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.taken) < UploadsMax || s.users[t.user] >= UploadsUserMax || !slices.Contains(s.waiting, t) {
		return
	}
	of := make(map[uuid.UUID]int)
	for _, other := range s.taken {
		if !other.over {
			of[other.user]++
		}
	}
	most := t
	for _, other := range s.taken {
		if !other.over && of[other.user] > of[most.user] {
			most = other
		}
	}
	if of[most.user] > of[t.user]+1 {
		most.over = true
		most.giveUp()
	}
}

// leave ends a wait in vain, and says why it was. The turn may just have come.
func (s *slots) leave(t *turn) error {
	s.mu.Lock()
	why := s.whyNot(t.user)
	s.waiting = without(s.waiting, t)
	s.mu.Unlock()
	select {
	case <-t.come:
		s.give(t)
	default:
	}
	if why == nil {
		why = ErrCrowded
	}
	return why
}

func without(all []*turn, t *turn) []*turn {
	if at := slices.Index(all, t); at >= 0 {
		return slices.Delete(all, at, at+1)
	}
	return all
}

// now returns how many are taken, and how many uploads wait.
func (s *slots) now() (taken, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken), len(s.waiting)
}
