package storetest

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// besideDelete has an op come before a delete of the same message, after it, and at the same
// time, in transactions of their own as of two nodes. When the delete came first the op is
// refused with a code, and otherwise stored; in the end there is one tombstone.
func (w *world) besideDelete(code protocol.Code, other func(id uuid.UUID) *room.Op) {
	w.t.Helper()
	const before, after, together = 0, 1, 2
	var firsts, seconds int // of the ops that came together
	for round := range 42 {
		how := min(round, together)
		m := w.stored(w.send(0, 0, "secret"))
		op, gone := other(m.ID), w.delete(0, 0, m.ID)
		switch how {
		case before:
			w.append(op)
			w.append(gone)
		case after:
			w.append(gone)
			w.append(op)
		default:
			var both sync.WaitGroup
			start := make(chan struct{})
			for _, x := range []*room.Op{op, gone} {
				both.Go(func() {
					<-start
					if err := w.store.Append(w.t.Context(), []*room.Op{x}, room.Within{}); err != nil {
						w.t.Error(err)
					}
				})
			}
			close(start)
			both.Wait()
			if w.t.Failed() {
				return
			}
		}
		w.mustOutcome(gone, room.Stored, "")
		first := op.Outcome == room.Stored
		switch {
		case how == before && !first, how == after && first:
			w.t.Fatalf("round %d: outcome %d, %v", round, op.Outcome, op.Err)
		case first && op.Seq > gone.Seq:
			w.t.Fatalf("round %d: stored as %d, after the delete, %d", round, op.Seq, gone.Seq)
		case !first:
			w.mustOutcome(op, room.Refused, code)
		}
		if how == together && first {
			firsts++
		} else if how == together {
			seconds++
		}
		if gone.Message.Rev != gone.Seq || !gone.Message.Deleted() || gone.Message.Pinned() {
			w.t.Fatalf("round %d: %+v", round, gone.Message)
		}
		w.mustEqual(gone.Message)
		w.noContent(m.ID, "secret")
		if page := w.since(0, m.Seq, 200); page.Seq != gone.Seq && page.Seq != gone.Seq+1 {
			w.t.Fatalf("round %d: the room stands at %d", round, page.Seq)
		}
	}
	w.t.Logf("of those that came together %d were before the delete, %d after it", firsts, seconds)
}

func testEditBesideDelete(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	w.besideDelete(protocol.CodeNotFound, func(id uuid.UUID) *room.Op { return w.edit(0, 0, id, "secret 2") })
}

func testPinBesideDelete(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	w.besideDelete(protocol.CodeNotFound, func(id uuid.UUID) *room.Op { return w.pin(0, 1, id, true) })
}

func testReplyBesideDelete(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	w.besideDelete(protocol.CodeInvalidReply, func(id uuid.UUID) *room.Op {
		return w.send(0, 1, "answer", replyTo(id))
	})
	for _, m := range w.since(0, 0, 200).Messages {
		if m.ReplyTo != nil && (m.ReplyTo.Content != "" || !m.ReplyTo.Deleted) {
			t.Errorf("%+v quotes %+v", m, m.ReplyTo)
		}
	}
}
