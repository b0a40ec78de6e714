package room

import (
	"context"
	"slices"
	"time"

	"github.com/caravan-chat/caravan/protocol"
)

// expire answers, about once in expireEvery, what waits behind a batch that the
// store keeps: a lane that hangs must not keep everybody waiting for as long.
func (s *Service) expire(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, l := range s.lanes {
				for _, op := range l.expired(s.cfg.WriteWait) {
					s.refuse(op, protocol.ErrUnavailable)
				}
			}
		}
	}
}

// expired takes what has waited for longer than wait out of the queue, if the store
// has had the batch under way for as long: then the lane is refusing. A lane that only has
// much to do goes on with all it has accepted.
func (l *lane) expired(wait time.Duration) []*Op {
	batch := l.underWay.Load()
	if batch == nil || time.Since(batch.since) < wait {
		return nil
	}
	l.refusing.CompareAndSwap(nil, newStandstill(batch.room))
	before := time.Now().Add(-wait)
	return l.queue.Remove(nil, func(op *Op) bool { return !op.accepted.After(before) })
}

// withdraw takes an op out of the queue, and reports whether it was still there.
func (l *lane) withdraw(op *Op) bool {
	return len(l.queue.Remove(nil, func(x *Op) bool { return x == op })) > 0
}

// overdue returns how many ops, which stand in the order in which they were
// accepted, have waited for longer than wait.
func overdue(ops []*Op, wait time.Duration) int {
	since := time.Now().Add(-wait)
	n := slices.IndexFunc(ops, func(op *Op) bool { return op.accepted.After(since) })
	if n < 0 {
		return len(ops)
	}
	return n
}
