package room

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// A lane is refusing from when it refused what it had accepted, because the store did
// not take it in time, until something is stored again. Readiness looks at that, as a
// store that answers reads may yet take no writes. Where nobody sends anything any
// more, the lane itself finds out when the store takes writes again.

// standstill is what a lane may not get on with.
type standstill struct {
	since time.Time
	room  uuid.UUID // one of those concerned
}

func newStandstill(room uuid.UUID) *standstill { return &standstill{time.Now(), room} }

// Refusing says that a lane has been refusing for refusingMax: newcomers had better go
// to another node.
func (s *Service) Refusing() bool { return s.refusingFor() >= refusingMax }

// refusingFor is how long the lane has been refusing that has for longest.
func (s *Service) refusingFor() (longest time.Duration) {
	for _, l := range s.lanes {
		if r := l.refusing.Load(); r != nil {
			longest = max(longest, time.Since(r.since))
		}
	}
	return longest
}

// tryWrites ends a lane's refusing where the store takes writes, until ctx ends. It
// asks only while the lane itself has nothing to store.
func (l *lane) tryWrites(ctx context.Context) {
	tick := time.NewTicker(tryWriteEvery)
	defer tick.Stop()
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r := l.refusing.Load()
		if r == nil {
			told = false
			continue
		}
		if !told && time.Since(r.since) >= refusingMax {
			told = true
			l.s.log.Error("messages are refused: the node is not ready", "since", r.since)
		}
		if l.underWay.Load() != nil || l.queue.Len() > 0 || !l.writes(ctx, r.room) {
			continue
		}
		if l.refusing.CompareAndSwap(r, nil) {
			l.s.log.Info("the store takes writes again", "after", time.Since(r.since))
		}
	}
}

// writes says whether the store takes a write in the room.
func (l *lane) writes(ctx context.Context, room uuid.UUID) bool {
	ctx, cancel := context.WithTimeout(ctx, l.s.cfg.WriteWait)
	defer cancel()
	return l.s.guard.Run("try to write", func() error { return l.s.store.TryWrite(ctx, room) }) == nil
}
