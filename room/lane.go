package room

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/protocol"
)

// lane is one writer: a bounded queue and a goroutine that commits what waits
// in it, one transaction at a time. A room always hashes to the same lane, so
// the order in which a lane commits is the order of its rooms on this node.
type lane struct {
	s *Service

	mu     sync.Mutex
	queue  []*Op
	bytes  int       // content in queue
	taken  time.Time // when the batch that the store has was taken; zero: it has none
	closed bool
	wake   chan struct{} // has one element when the goroutine should look

	// Owned by the goroutine.
	batch     []*Op
	downSince time.Time // zero: the last attempt succeeded
	idle      chan struct{}
}

func newLane(s *Service) *lane {
	return &lane{s: s, wake: make(chan struct{}, 1), idle: make(chan struct{})}
}

// submit puts an op into the queue; false means that the lane is full or closed.
func (l *lane) submit(op *Op) bool {
	size := len(op.Content)
	l.mu.Lock()
	if l.closed || len(l.queue) >= l.s.cfg.QueueOps || l.bytes+size > laneQueueBytesMax {
		l.mu.Unlock()
		return false
	}
	op.accepted = time.Now()
	l.queue = append(l.queue, op)
	l.bytes += size
	l.mu.Unlock()
	l.signal()
	return true
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// close refuses new ops; the goroutine ends when the queue is empty.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
}

func (l *lane) depth() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// run is the life of a lane. The order of its three stages IS the guarantee:
// nothing is announced, nor answered as stored, before it is committed.
func (l *lane) run(ctx context.Context) {
	defer close(l.idle)
	for l.take(ctx) {
		l.append(ctx)
		l.announce()
		l.hold(ctx)
	}
}

// hold waits while the listeners do not keep up, so that what they have not
// taken yet stays bounded: the queue fills instead, and refuses.
func (l *lane) hold(ctx context.Context) {
	for l.s.cfg.Congested() && ctx.Err() == nil {
		l.s.stats.Congested.Add(1)
		time.Sleep(congestedPause)
	}
}

// take moves what waits into l.batch and returns false when the lane has ended.
// It never waits for company unless BatchDelay says so: what arrives during a
// commit is the next batch, and so batches grow with the load by themselves.
func (l *lane) take(ctx context.Context) bool {
	clear(l.batch)
	l.batch = l.batch[:0]
	for {
		l.mu.Lock()
		waiting, closed := len(l.queue), l.closed
		l.mu.Unlock()
		if waiting > 0 {
			break
		}
		if closed {
			return false
		}
		<-l.wake
	}
	if d := l.s.cfg.BatchDelay; d > 0 && l.depth() < l.s.cfg.BatchOps {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = time.Now()
	l.batch = l.dequeue(l.batch, 0, min(len(l.queue), l.s.cfg.BatchOps))
	return true
}

// dequeue moves queue[from:to] to the end of dst. The caller holds mu.
func (l *lane) dequeue(dst []*Op, from, to int) []*Op {
	for _, op := range l.queue[from:to] {
		l.bytes -= len(op.Content)
	}
	dst = append(dst, l.queue[from:to]...)
	l.queue = slices.Delete(l.queue, from, to)
	return dst
}

// append commits l.batch, or gives every op of it an outcome that says why not.
// While the store is away it tries again, and refuses what was accepted WriteWait
// ago.
func (l *lane) append(ctx context.Context) {
	defer func() {
		l.mu.Lock()
		l.taken = time.Time{} // from here on the store keeps nobody waiting
		l.mu.Unlock()
	}()
	start := time.Now()
	delay := retryDelayMin
	l.s.hub.note(l.batch)
	for len(l.batch) > 0 {
		attempt, cancel := context.WithTimeout(ctx, l.patience()+OutcomeWait)
		err := l.s.store.Append(attempt, l.batch)
		cancel()
		if err == nil {
			if !l.downSince.IsZero() {
				l.s.log.Info("the store takes messages again", "after", time.Since(l.downSince))
				l.downSince = time.Time{}
			}
			l.s.cfg.Observer.Committed(len(l.batch), time.Since(start))
			return
		}
		l.s.stats.AppendErrors.Add(1)
		if l.downSince.IsZero() {
			l.downSince = time.Now()
			l.s.log.Error("the store does not take messages", "err", err)
		}
		switch {
		case errors.Is(err, ErrOutcomeUnknown):
			l.s.log.Error("the outcome of a commit is unknown", "ops", len(l.batch), "err", err)
			l.refuse(len(l.batch), protocol.ErrUnknownOutcome)
		case ctx.Err() != nil:
			l.s.log.Error("the service ends before the store takes messages: they are refused", "ops", len(l.batch), "err", err)
			l.refuse(len(l.batch), protocol.ErrUnavailable)
		default:
			time.Sleep(delay) // do not spin on a store that refuses at once
			delay = min(2*delay, retryDelayMax)
			l.refuse(overdue(l.batch, l.s.cfg.WriteWait), protocol.ErrUnavailable)
		}
	}
}

// patience is how long an attempt may take up to its commit: WriteWait, or, while
// the store is away, what is left of it for the oldest op.
func (l *lane) patience() time.Duration {
	if l.downSince.IsZero() {
		return l.s.cfg.WriteWait
	}
	return max(attemptMin, l.s.cfg.WriteWait-time.Since(l.batch[0].accepted))
}

// refuse answers the first n ops of l.batch, and forgets them.
func (l *lane) refuse(n int, why *protocol.Error) {
	for _, op := range l.batch[:n] {
		l.s.refuse(op, why)
	}
	l.batch = slices.Delete(l.batch, 0, n)
}

// announce tells the events of the committed batch, room by room in the order
// of the commit, and then answers whoever asked for them.
func (l *lane) announce() {
	for _, b := range encodeBatches(l.batch, l.s.wanted) {
		l.s.hub.announce(b, l.s.grace())
		if l.s.backplane != nil {
			l.s.backplane.Publish(b)
		}
	}
	for _, op := range l.batch {
		if op.Outcome == Duplicate && op.Message != nil {
			// Its commit may have succeeded unknown to this node: then nobody was told.
			l.s.hub.looked(op.Room, 0, Head{Seq: op.Message.Rev})
		}
		l.s.answer(op)
	}
}
