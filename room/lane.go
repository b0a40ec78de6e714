package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/contain"
	"github.com/caravan-chat/caravan/room/queue"
)

// lane is one writer: a bounded queue, and a goroutine that commits what waits in
// it, one transaction at a time. A room always hashes to the same lane. So the order
// in which a lane commits is the order of its rooms on this node.
type lane struct {
	s     *Service
	queue *queue.Queue[*Op]
	idle  chan struct{} // closed when the goroutine has ended

	underWay atomic.Pointer[standstill] // since when the store has the batch that it was given; nil: it has none
	refusing atomic.Pointer[standstill] // nil: the store takes what it is given, as far as is known

	rounds rounds

	// Owned by the goroutine.
	batch     []*Op
	encoding  encoding
	oldest    oldest    // of the batch
	downSince time.Time // zero: the last attempt succeeded
}

// oldest is the op that had waited longest for its transaction.
type oldest struct {
	room     uuid.UUID
	accepted time.Time
}

func newLane(s *Service) *lane {
	return &lane{
		s: s, idle: make(chan struct{}),
		queue: queue.New(s.cfg.QueueOps, s.cfg.Bytes.Lane, func(op *Op) int { return op.bytes() }),
	}
}

// submit puts an op into the queue; false means that the lane is full or closed.
func (l *lane) submit(op *Op) bool {
	op.accepted = time.Now()
	return l.queue.Put(op)
}

// submitAll puts ops into the queue while fewer than most wait there. It returns how many, the
// first ones.
func (l *lane) submitAll(ops []*Op, most int) int {
	now := time.Now()
	for _, op := range ops {
		op.accepted = now
	}
	return l.queue.PutAllBelow(ops, most)
}

// close refuses new ops; the goroutine ends when the queue is empty.
func (l *lane) close() { l.queue.Close() }

// run is the life of a lane. The order of its three stages IS the guarantee:
// nothing is announced, nor answered as stored, before it is committed.
func (l *lane) run(ctx context.Context) {
	defer close(l.idle)
	for l.take(ctx) {
		l.append(ctx)
		l.announce()
		l.rounds.ended.Add(1)
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
	for len(l.batch) == 0 { // what waited may have been withdrawn
		if !l.queue.Wait(context.Background()) {
			return false
		}
		if d := l.s.cfg.BatchDelay; d > 0 && l.queue.Len() < l.s.cfg.BatchOps {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
		l.rounds.begun.Add(1) // before anything leaves the queue
		if l.batch = l.queue.Take(l.batch, l.s.cfg.BatchOps); len(l.batch) == 0 {
			l.rounds.ended.Add(1)
		}
	}
	return true
}

// append commits l.batch, or gives every op of it an outcome that says why not.
// While the store is away it tries again, and refuses what was accepted WriteWait
// ago.
func (l *lane) append(ctx context.Context) {
	start := time.Now()
	l.oldest = oldest{l.batch[0].Room, l.batch[0].accepted}
	l.underWay.Store(newStandstill(l.batch[0].Room))
	defer l.underWay.Store(nil)
	delay := retryDelayMin
	l.batch = l.s.summaries.join(l.batch)
	l.s.hub.note(l.batch)
	l.s.passed(l.batch, stageLane)
	for len(l.batch) > 0 {
		err := l.attempt(ctx)
		if err == nil {
			l.committed(start)
			return
		}
		l.s.stats.AppendErrors.Add(1)
		if l.downSince.IsZero() {
			l.downSince = time.Now()
			l.s.log.Error("the store does not take messages", "error", err)
		}
		switch {
		case errors.Is(err, ErrOutcomeUnknown):
			l.s.log.Error("the outcome of a commit is unknown", "ops", len(l.batch), "error", err)
			l.refuse(len(l.batch), protocol.ErrUnknownOutcome)
		case ctx.Err() != nil:
			l.s.log.Error("the service ends before the store takes messages: they are refused", "ops", len(l.batch), "error", err)
			l.refuse(len(l.batch), protocol.ErrUnavailable)
		default:
			time.Sleep(delay) // do not spin on a store that refuses at once
			delay = min(2*delay, retryDelayMax)
			l.refuse(overdue(l.batch, l.s.cfg.WriteWait), protocol.ErrUnavailable)
		}
	}
}

// attempt has the store append l.batch once. After a panic nobody knows whether it
// had committed.
func (l *lane) attempt(ctx context.Context) error {
	within := Within{Commit: l.commitWait(), Outcome: OutcomeWait}
	ctx, cancel := context.WithTimeout(ctx, within.Commit+within.Outcome)
	defer cancel()
	err := l.s.guard.Run("append", func() error { return l.s.store.Append(ctx, l.batch, within) })
	if errors.Is(err, contain.ErrPanic) {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// committed notes that the store has taken the batch, which was begun at start.
func (l *lane) committed(start time.Time) {
	l.refusing.Store(nil)
	l.s.passed(l.batch, stageCommit)
	if !l.downSince.IsZero() {
		l.s.log.Info("the store takes messages again", "after", time.Since(l.downSince))
		l.downSince = time.Time{}
	}
	_ = l.s.guard.Call("observer", func() { l.s.cfg.Observer.Committed(len(l.batch), start.Sub(l.oldest.accepted), time.Since(start)) })
}

// commitWait is how long an attempt may take up to its commit: WriteWait, or, while
// the store is away, what is left of it for the oldest op.
func (l *lane) commitWait() time.Duration {
	if l.downSince.IsZero() {
		return l.s.cfg.WriteWait
	}
	return max(attemptMin, l.s.cfg.WriteWait-time.Since(l.batch[0].accepted))
}

// refuse answers the first n ops of l.batch, and forgets them.
func (l *lane) refuse(n int, why *protocol.Error) {
	if n > 0 {
		l.refusing.CompareAndSwap(nil, newStandstill(l.batch[0].Room))
	}
	for _, op := range l.batch[:n] {
		l.s.refuse(op, why)
	}
	l.batch = slices.Delete(l.batch, 0, n)
}

// announce tells the events of the committed batch, room by room in the order
// of the commit, and then answers whoever asked for them.
func (l *lane) announce() {
	lost := l.supersede()
	untold := l.s.guard.Call("announce", l.tell) != nil
	l.s.summaries.stored(l.batch)
	l.s.passed(l.batch, stageTell)
	for _, op := range l.batch {
		switch {
		case op.Message != nil && op.Seq == 0:
			// Its commit may have succeeded unknown to this node: then nobody was told.
			l.s.hub.looked(op.Room, 0, Head{Seq: op.Message.Rev}, 0)
		case op.Outcome == Stored && op.Seq > 0 && untold:
			l.s.hub.looked(op.Room, 0, Head{Seq: op.Seq}, 0)
		}
		l.s.answer(op)
	}
	for _, op := range lost {
		l.s.refuse(op, protocol.ErrUnknownOutcome)
	}
}

// supersede takes those ops off the committed batch which a former primary has: another one
// has taken over since, and may lack them. Nothing of them is told before it was read there.
func (l *lane) supersede() (lost []*Op) {
	if !slices.ContainsFunc(l.batch, l.isSuperseded) {
		return nil
	}
	for _, op := range l.batch {
		if l.isSuperseded(op) {
			lost = append(lost, op)
			l.s.stats.Superseded.Add(1)
			l.s.hub.looked(op.Room, 0, Head{Seq: op.Seq}, 0)
		}
	}
	l.s.log.Error("another primary has taken over before a commit was answered: its outcome is unknown", "ops", len(lost))
	l.batch = slices.DeleteFunc(l.batch, l.isSuperseded)
	return lost
}

func (l *lane) isSuperseded(op *Op) bool { return op.Timeline != 0 && l.s.Superseded(op.Timeline) }

// tell hands the batch's events, and then its marks, to the hub and to the backplane.
func (l *lane) tell() {
	begun := time.Now()
	stages := &Stages{l.oldest.accepted, begun}
	for _, b := range l.encoding.encode(l.batch, l.s.wanted) {
		if b.Room == l.oldest.room {
			b.Stages, stages = stages, nil
		}
		l.s.hub.announce(b, l.s.grace())
		if l.s.backplane != nil {
			l.s.backplane.Publish(b)
		}
	}
	l.s.tellReads(l.batch)
	_ = l.s.guard.Call("observer", func() { l.s.cfg.Observer.Told(time.Since(begun)) })
}
