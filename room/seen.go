package room

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Seen says when a user was connected last.
type Seen struct {
	User uuid.UUID
	At   time.Time
}

// seenUsers are users who have left, until that is stored with others, and some who are connected.
// What is kept is lost where the process dies. It is safe for concurrent use.
type seenUsers struct {
	s       *Service
	dropped atomic.Int64

	mu   sync.Mutex
	last map[uuid.UUID]time.Time // at most seenUsersMax
}

// WasSeen notes that a user was connected until now.
func (s *Service) WasSeen(user uuid.UUID) {
	if s.cfg.LastSeen {
		s.seen.put(seenUsersMax, Seen{user, time.Now()})
	}
}

// StillSeen notes that a user is connected, who may be gone without a word. Half of the places are
// left to those who leave: of them it is not noted again.
func (s *Service) StillSeen(user uuid.UUID) {
	if s.cfg.LastSeen {
		s.seen.put(seenUsersMax/2, Seen{user, time.Now()})
	}
}

// put keeps what is known of some users, while it keeps that of fewer than most.
func (u *seenUsers) put(most int, all ...Seen) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = make(map[uuid.UUID]time.Time)
	}
	for _, seen := range all {
		before, known := u.last[seen.User]
		switch {
		case !known && len(u.last) >= most:
			u.dropped.Add(1)
		case seen.At.After(before):
			u.last[seen.User] = seen.At
		}
	}
}

// take returns all that is kept, by the users' ids: two nodes that store some of the same users
// go in the same order.
func (u *seenUsers) take() []Seen {
	u.mu.Lock()
	last := u.last
	u.last = nil
	u.mu.Unlock()
	all := make([]Seen, 0, len(last))
	for user, at := range last {
		all = append(all, Seen{user, at.UTC().Truncate(time.Microsecond)})
	}
	slices.SortFunc(all, func(a, b Seen) int { return bytes.Compare(a.User[:], b.User[:]) })
	return all
}

// run stores what is kept now and then, until ctx ends.
func (u *seenUsers) run(ctx context.Context) {
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = u.s.guard.Call("last seen", func() { u.store(ctx) })
		}
	}
}

// store stores what is kept, some users in one transaction. What cannot be stored now is kept.
func (u *seenUsers) store(ctx context.Context) {
	for some := range slices.Chunk(u.take(), seenBatchMax) {
		within, cancel := context.WithTimeout(ctx, lookupTimeout)
		err := u.s.store.NoteSeen(within, some)
		cancel()
		if err != nil {
			u.put(seenUsersMax, some...)
		}
	}
}

// StoreSeen stores when users were seen last who have left by now.
func (s *Service) StoreSeen(ctx context.Context) {
	_ = s.guard.Call("last seen", func() { s.seen.store(ctx) })
}
