package storetest

import (
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/room"
)

func testDuplicate(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	m := w.stored(w.send(0, 0, "first", clientID("c")))
	again := w.send(0, 0, "something else", clientID("c"))
	next := w.send(0, 0, "next")
	w.append(again, next)
	w.mustOutcome(again, room.Duplicate, "")
	w.same(again.Message, m)
	if next.Message.Seq != 2 {
		t.Errorf("a duplicate took a number: next has %d", next.Message.Seq)
	}

	// The answer is the message in its present state, edits of the same batch
	// included.
	edited := w.stored(w.edit(0, 0, m.ID, "second"))
	later := w.send(0, 0, "x", clientID("c"))
	w.append(later)
	w.mustOutcome(later, room.Duplicate, "")
	w.same(later.Message, edited)
	edit, last := w.edit(0, 0, m.ID, "third"), w.send(0, 0, "x", clientID("c"))
	w.append(edit, last)
	w.mustOutcome(last, room.Duplicate, "")
	w.same(last.Message, edit.Message)
	if w.head(0) != 4 {
		t.Errorf("head %d", w.head(0))
	}
}

func testDuplicateInBatch(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	ops := []*room.Op{
		w.send(0, 0, "first", clientID("c")),
		w.send(0, 0, "second", clientID("c")),
		w.send(0, 0, "other", clientID("d")),
		w.send(0, 0, "third", clientID("c")),
	}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Stored, "")
	w.mustOutcome(ops[1], room.Duplicate, "")
	w.mustOutcome(ops[2], room.Stored, "")
	w.mustOutcome(ops[3], room.Duplicate, "")
	w.same(ops[1].Message, ops[0].Message)
	w.same(ops[3].Message, ops[0].Message)
	if w.head(0) != 2 {
		t.Errorf("head %d", w.head(0))
	}
}

func testClientIDScope(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	ops := []*room.Op{
		w.send(0, 0, "a", clientID("c")),
		w.send(0, 1, "another sender", clientID("c")),
		w.send(1, 0, "another room", clientID("c")),
		w.send(0, 0, "other case", clientID("C")),
		w.send(0, 0, "no client id"),
		w.send(0, 0, "no client id either"),
	}
	w.append(ops...)
	for _, op := range ops {
		w.mustOutcome(op, room.Stored, "")
	}
}

func testDuplicateRace(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	const senders = 10
	for round := range 5 {
		id := clientID(string(rune('a' + round)))
		ops := make([]*room.Op, senders)
		var wg sync.WaitGroup
		for i := range ops {
			ops[i] = w.send(0, 0, "x", id)
			wg.Go(func() {
				if err := w.store.Append(t.Context(), ops[i:i+1], room.Within{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		stored := 0
		for _, op := range ops {
			if op.Outcome == room.Stored {
				stored++
			}
			w.same(op.Message, ops[0].Message)
		}
		if stored != 1 {
			t.Fatalf("%d of %d stored", stored, senders)
		}
	}
	if w.head(0) != 5 {
		t.Errorf("head %d", w.head(0))
	}
}
