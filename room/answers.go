package room

import (
	"context"
	"sync/atomic"
	"time"
)

// answersPoll is how often it is looked whether what was accepted is answered.
const answersPoll = time.Millisecond

// AwaitAnswers returns when what was submitted before the call is committed, told and
// answered, or not and answered so. What is submitted meanwhile it does not wait for. It returns ctx's
// error where that ends first.
func (s *Service) AwaitAnswers(ctx context.Context) error {
	for _, l := range s.lanes {
		passed := l.rounds.passed(l.queue.Len, s.cfg.BatchOps)
		for !passed() {
			if err := pause(ctx, answersPoll); err != nil {
				return err
			}
		}
	}
	return s.awaitTold(ctx)
}

// awaitTold returns when what is committed and waits for a gap before it has been told.
func (s *Service) awaitTold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainGapsTimeout)
	defer cancel()
	for _, g := range s.hub.gaps() {
		for !s.hub.paid(g) {
			if err := pause(ctx, drainGapsPause); err != nil {
				return err
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rounds counts a lane's batches. The lane's goroutine writes, anybody reads.
type rounds struct{ begun, ended atomic.Int64 }

// passed returns a function that tells whether all that waits in the lane's queue now, and
// what was taken out of it before, has been through a batch. queued says how many ops wait. A
// batch takes the oldest, at most so many.
func (r *rounds) passed(queued func() int, batchOps int) func() bool {
	begun := r.begun.Load() // before the queue: what has left it is in this round or the next
	last := begun + 1 + int64((queued()+batchOps-1)/batchOps)
	return func() bool {
		if r.ended.Load() >= last {
			return true
		}
		// An empty queue stands before the count of those that have begun: what has left it
		// is in one of them.
		return queued() == 0 && r.begun.Load() == r.ended.Load()
	}
}
