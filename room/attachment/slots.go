package attachment

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"
)

// Errors of a turn that does not come.
var (
	ErrCrowded     = errors.New("too many uploads at once")
	ErrUserCrowded = errors.New("too many uploads of one user at once")
)

// slots are the uploads that may be under way. Who finds none free waits for a while, and is
// not read meanwhile.
type slots struct {
	mu      sync.Mutex
	taken   int
	users   map[uuid.UUID]int // of them, by user
	waiting int
	changed chan struct{} // closed when one is given back, and made anew
}

// Turn waits until the user may upload, slotWait at most. done gives the turn back.
func (s *Service) Turn(ctx context.Context, user uuid.UUID) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, slotWait)
	defer cancel()
	for first := true; ; first = false {
		changed, err := s.slots.take(user, first)
		if changed == nil {
			if err != nil {
				return nil, err
			}
			return func() { s.slots.give(user) }, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.slots.leave()
			return nil, err
		}
	}
}

// take takes a slot. Where there is none, err says why, and changed is closed when there may
// be one; nil: too many wait already.
func (s *slots) take(user uuid.UUID, first bool) (changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.users[user] >= UploadsUserMax:
		err = ErrUserCrowded
	case s.taken >= UploadsMax:
		err = ErrCrowded
	default:
		if s.users == nil {
			s.users = make(map[uuid.UUID]int)
		}
		s.taken++
		s.users[user]++
		if !first {
			s.waiting--
		}
		return nil, nil
	}
	if first {
		if s.waiting >= waitingMax {
			return nil, err
		}
		s.waiting++
	}
	return s.changed, err
}

// give gives a slot back.
func (s *slots) give(user uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.users[user]--; s.users[user] == 0 {
		delete(s.users, user)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// leave ends a wait in vain.
func (s *slots) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}

// now returns how many are taken, and how many uploads wait.
func (s *slots) now() (taken, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, s.waiting
}
