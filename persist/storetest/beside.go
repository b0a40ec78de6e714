package storetest

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// OpenTwo returns two stores on one empty, migrated database of the test's own, as two nodes
// have, and the application beside them, as Open does.
type OpenTwo func(t *testing.T) (one, other Store, application func(sql string))

// RunTwo runs the tests of what two nodes do with one message, for stores that may be opened
// twice.
func RunTwo(t *testing.T, open OpenTwo) {
	for _, test := range besides {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var second Store
			w := newWorld(t, func(t *testing.T) (Store, func(string)) {
				one, other, app := open(t)
				second = other
				return one, app
			}, 2, 1)
			w.other = second
			test.run(w)
		})
	}
}

// beside is an op that comes beside a delete of the same message.
type beside struct {
	name string
	run  func(w *world)
}

var besides = []beside{
	{"EditBesideDelete", func(w *world) {
		w.besideDelete(protocol.CodeNotFound, func(id uuid.UUID) *room.Op { return w.edit(0, 0, id, "secret 2") })
	}},
	{"PinBesideDelete", func(w *world) {
		w.besideDelete(protocol.CodeNotFound, func(id uuid.UUID) *room.Op { return w.pin(0, 1, id, true) })
	}},
	{"ReactionBesideDelete", func(w *world) {
		w.besideDelete(protocol.CodeNotFound, func(id uuid.UUID) *room.Op { return w.react(0, 1, id, "👍", true) })
	}},
	{"ReplyBesideDelete", func(w *world) {
		w.besideDelete(protocol.CodeInvalidReply, func(id uuid.UUID) *room.Op { return w.send(0, 1, "answer", replyTo(id)) })
		for _, m := range w.since(0, 0, 200).Messages {
			if m.ReplyTo != nil && (m.ReplyTo.Content != "" || !m.ReplyTo.Deleted) {
				w.t.Errorf("%+v quotes %+v", m, m.ReplyTo)
			}
		}
	}},
	{"SummaryBesideDelete", func(w *world) {
		w.besideDelete("", func(id uuid.UUID) *room.Op {
			w.append(w.react(0, 1, id, "👍", true), w.send(0, 1, "answer", replyTo(id)))
			return w.summary(0, id)
		})
		for _, m := range w.since(0, 0, 200).Messages { // whichever came first
			if m.Deleted() && m.Extra.ReplyCount != 1 {
				w.t.Errorf("%+v", m.Extra)
			}
		}
	}},
	{"DeleteBesideDelete", func(w *world) {
		w.besideDelete("", func(id uuid.UUID) *room.Op { return w.delete(0, 0, id) })
	}},
}

// besideTests are the tests of besides with one store.
func besideTests() (all []namedTest) {
	for _, b := range besides {
		all = append(all, namedTest{b.name, func(t *testing.T, open Open) { b.run(newWorld(t, open, 2, 1)) }})
	}
	return all
}

// besideDelete has an op come before a delete of the same message, after it, and at the same
// time, each by way of each store, in transactions of their own as of two nodes. When the delete came
// first the op is refused with a code (empty: never), and otherwise stored; in the end there is
// one tombstone, and no number is missing.
func (w *world) besideDelete(code protocol.Code, other func(id uuid.UUID) *room.Op) {
	w.t.Helper()
	const before, after, together = 0, 1, 2
	var firsts, seconds int // of the ops that came together
	for round := range 44 {
		how := min(round/2, together)
		one, two := w.store, w.other
		if round%2 == 1 {
			one, two = two, one
		}
		m := w.stored(w.send(0, 0, "secret"))
		op, gone := other(m.ID), w.delete(0, 0, m.ID)
		switch how {
		case before:
			w.appendTo(one, op)
			w.appendTo(two, gone)
		case after:
			w.appendTo(two, gone)
			w.appendTo(one, op)
		default:
			w.together([]Store{one, two}, op, gone)
		}
		if w.t.Failed() {
			return
		}
		w.mustOutcome(gone, room.Stored, "")
		first := op.Outcome == room.Stored
		switch {
		case code == "" && !first, code != "" && (how == before && !first || how == after && first):
			w.t.Fatalf("round %d: outcome %d, %v", round, op.Outcome, op.Err)
		case code != "" && first && op.Seq > gone.Seq:
			w.t.Fatalf("round %d: stored as %d, after the delete, %d", round, op.Seq, gone.Seq)
		case !first:
			w.mustOutcome(op, room.Refused, code)
		}
		if how == together && first {
			firsts++
		} else if how == together {
			seconds++
		}
		w.mustBeGone(m.ID)
	}
	w.mustBeDense()
	w.t.Logf("of those that came together %d were before the delete, %d after it", firsts, seconds)
}

// appendTo is append by way of a store.
func (w *world) appendTo(s Store, op *room.Op) {
	w.t.Helper()
	if err := s.Append(w.ctx(), []*room.Op{op}, room.Within{}); err != nil {
		w.t.Fatal(err)
	}
}

// together appends ops at the same time, each by way of its store.
func (w *world) together(stores []Store, ops ...*room.Op) {
	w.t.Helper()
	var both sync.WaitGroup
	start := make(chan struct{})
	for i, op := range ops {
		both.Go(func() {
			<-start
			if err := stores[i].Append(w.t.Context(), []*room.Op{op}, room.Within{}); err != nil {
				w.t.Error(err)
			}
		})
	}
	close(start)
	both.Wait()
}

// mustBeGone checks that a message is a tombstone by way of both stores, the same in both, and that nothing of
// it is left.
func (w *world) mustBeGone(id uuid.UUID) {
	w.t.Helper()
	w.noContent(id, "secret")
	m, err := w.store.Message(w.ctx(), id)
	if err != nil || !m.Deleted() || m.Pinned() || len(m.Extra.Reactions) > 0 {
		w.t.Fatalf("%+v %+v, %v", m, m.Extra, err)
	}
	again, err := w.other.Message(w.ctx(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.same(&again, &m)
	if reactions, err := w.store.Reactions(w.ctx(), id); err != nil || len(reactions) > 0 {
		w.t.Fatalf("%+v, %v", reactions, err)
	}
}

// mustBeDense checks that each number of room 0 is one of its log, up to its head.
func (w *world) mustBeDense() {
	w.t.Helper()
	walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], Limit: room.Limit{Messages: 1000}})
	if err != nil || walk.HasMore || walk.Seq != w.head(0) || int64(len(walk.Entries)) != walk.Seq {
		w.t.Fatalf("%d numbers up to %d, more %v, %v", len(walk.Entries), walk.Seq, walk.HasMore, err)
	}
	for i, e := range walk.Entries {
		if e.Seq != int64(i+1) || e.Message == nil {
			w.t.Fatalf("entry %d is %+v", i, e)
		}
	}
}
