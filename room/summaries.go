package room

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// summaries decides when it is counted anew what messages have of reactions and answers, so
// that many reactions are few events. A message's summary goes with the batch that makes it
// due, where this node has made none of the message for summaryEvery, and not too many in the
// room. Otherwise it waits here. What waits stands in the store as well: what this node forgets,
// because it ends or is full, the sweep of any node finds.
//
// Its methods are safe for concurrent use. The lanes call them, and its own goroutine.
type summaries struct {
	s    *Service
	kick chan struct{} // something is to be looked after

	mu     sync.Mutex
	rooms  map[uuid.UUID]*summarized
	queued map[uuid.UUID]struct{} // the messages that wait, of all rooms
}

// summarized is a room where summaries wait, or were made within summaryEvery.
type summarized struct {
	made    []madeSummary // the oldest first; at most roomSummariesMax
	waiting []uuid.UUID   // messages; the longest first
}

type madeSummary struct {
	message uuid.UUID
	at      time.Time
}

func newSummaries(s *Service) *summaries {
	return &summaries{s: s, kick: make(chan struct{}, 1), rooms: make(map[uuid.UUID]*summarized), queued: make(map[uuid.UUID]struct{})}
}

// forget leaves out what was made too long ago to count.
func (r *summarized) forget(now time.Time) {
	n := 0
	for n < len(r.made) && now.Sub(r.made[n].at) >= summaryEvery {
		n++
	}
	r.made = slices.Delete(r.made, 0, n)
}

func (r *summarized) has(message uuid.UUID) bool {
	return slices.ContainsFunc(r.made, func(m madeSummary) bool { return m.message == message })
}

// room returns a room; nil where there is no place for it.
func (w *summaries) room(id uuid.UUID) *summarized {
	r := w.rooms[id]
	if r == nil && len(w.rooms) < summaryRoomsMax {
		r = new(summarized)
		w.rooms[id] = r
		w.wake()
	}
	return r
}

func (w *summaries) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// join adds to a batch, before it is stored, the summaries that may be made with it.
func (w *summaries) join(batch []*Op) []*Op {
	now := time.Now()
	for _, op := range batch {
		message := op.summarizes()
		if message == uuid.Nil || asksSummary(batch, message) || !w.take(op.Room, message, now) {
			continue
		}
		batch = append(batch, w.op(op.Room, message, now))
	}
	return batch
}

// summarizes returns the message whose summary an op makes due, as far as that is known; zero:
// none.
func (op *Op) summarizes() uuid.UUID {
	switch {
	case op.Kind == protocol.KindReact:
		return op.MessageID
	case op.Kind == protocol.KindMessage:
		return op.ReplyTo
	case op.Kind == protocol.KindDelete && op.Seq > 0 && op.Message != nil:
		return quotedBy(op.Message)
	}
	return uuid.Nil
}

// asksSummary reports whether a summary of the message is in the batch. They are the last in it.
func asksSummary(batch []*Op, message uuid.UUID) bool {
	for i := len(batch) - 1; i >= 0 && batch[i].Kind == protocol.KindSummary; i-- {
		if batch[i].MessageID == message {
			return true
		}
	}
	return false
}

// take reports whether a summary may be made now, and counts it then. It may not where others
// wait that would be made first.
func (w *summaries) take(in, message uuid.UUID, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.room(in)
	if r == nil {
		return false
	}
	r.forget(now)
	if _, waits := w.queued[message]; waits || r.has(message) || len(r.made)+r.ready(roomSummariesMax) >= roomSummariesMax {
		return false
	}
	r.made = append(r.made, madeSummary{message, now})
	return true
}

// ready is how many of those that wait need not wait for their own last summary, up to a limit.
func (r *summarized) ready(limit int) (n int) {
	for i := 0; i < len(r.waiting) && n < limit; i++ {
		if !r.has(r.waiting[i]) {
			n++
		}
	}
	return n
}

func (w *summaries) op(in, message uuid.UUID, now time.Time) *Op {
	return &Op{
		Intent: protocol.Intent{Kind: protocol.KindSummary, MessageID: message}, Row: newRowID(),
		Room: in, At: now.UTC().Truncate(time.Microsecond), accepted: now,
		Answer: func(op *Op) {
			if op.Outcome == Refused && passes(op.Err) {
				w.wait(in, message)
			}
		},
	}
}

// passes reports whether what was refused may be taken when it is asked again.
func passes(err *protocol.Error) bool {
	return err.Code == protocol.CodeUnavailable || err.Code == protocol.CodeUnknownOutcome
}

// stored takes a batch that was committed: what it has made due, and its summaries do not tell,
// waits.
func (w *summaries) stored(batch []*Op) {
	for _, op := range batch {
		if op.Outcome != Stored {
			continue
		}
		if message := op.summarizes(); message != uuid.Nil && !asksSummary(batch, message) {
			w.wait(op.Room, message)
		}
	}
}

// wait has a summary made when it may be.
func (w *summaries) wait(in, message uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waits := w.queued[message]; waits {
		return
	}
	r := w.room(in)
	if r == nil || len(w.queued) >= waitingSummariesMax {
		w.s.stats.SummariesLeft.Add(1) // the sweep finds it
		return
	}
	w.queued[message] = struct{}{}
	r.waiting = append(r.waiting, message)
}

// run makes summaries when they may be, until ctx ends.
func (w *summaries) run(ctx context.Context) {
	sweep := time.NewTicker(sweepSummariesEvery)
	defer sweep.Stop()
	step := time.NewTimer(summaryStep)
	defer step.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			_ = w.s.guard.Call("summaries", func() { w.sweep(ctx) })
		case <-w.kick:
			step.Reset(summaryStep)
		case <-step.C:
			_ = w.s.guard.Call("summaries", func() {
				for _, d := range w.due(time.Now()) {
					w.s.Submit(w.op(d.Room, d.Message, time.Now()))
				}
			})
			if w.len() > 0 {
				step.Reset(summaryStep)
			}
		}
	}
}

// due takes out what may be made now, and forgets rooms of which there is nothing to know.
func (w *summaries) due(now time.Time) (all []DueSummary) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.rooms {
		r.forget(now)
		r.waiting = slices.DeleteFunc(r.waiting, func(message uuid.UUID) bool {
			if len(r.made) >= roomSummariesMax || r.has(message) {
				return false
			}
			r.made = append(r.made, madeSummary{message, now})
			delete(w.queued, message)
			all = append(all, DueSummary{Message: message, Room: id})
			return true
		})
		if len(r.made)+len(r.waiting) == 0 {
			delete(w.rooms, id)
		}
	}
	return all
}

func (w *summaries) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rooms)
}

// waitingNow is how many summaries wait.
func (w *summaries) waitingNow() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queued)
}

// sweep looks for summaries that have been due for so long that whoever was to make them
// has ended.
func (w *summaries) sweep(ctx context.Context) {
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	all, err := w.s.store.DueSummaries(look, sweepSummariesAge, sweptSummariesMax)
	if err != nil {
		if ctx.Err() == nil {
			w.s.log.Warn("it could not be read which summaries are due", "error", err)
		}
		return
	}
	for _, d := range all {
		w.wait(d.Room, d.Message)
	}
}
