package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// modelEdit: who wrote a message may replace its content.
var modelEdit = change{
	intent: func(content string) protocol.Intent { return protocol.Intent{Content: content} },
	may:    func(x *protocol.Message, op *room.Op) bool { return x.Sender.ID == op.Sender.ID && !x.Deleted() },
	idle:   func(x *protocol.Message, op *room.Op) bool { return x.Content == op.Content },
	do: func(x *protocol.Message, op *room.Op) {
		x.Content, x.IsEdited, x.UpdatedAt = op.Content, true, op.At
	},
}

func testEdit(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	original := w.stored(w.send(0, 1, "original"))
	m := w.stored(w.send(0, 0, "first", clientID("c"), replyTo(original.ID)))
	w.stored(w.send(0, 1, "another"))

	op := w.edit(0, 0, m.ID, "second")
	op.At = op.At.Add(time.Second)
	edited := w.stored(op)
	want := *m
	want.Content, want.IsEdited, want.UpdatedAt, want.Rev = "second", true, op.At, 4
	w.same(edited, &want)
	w.mustEqual(&want)
	if w.head(0) != 4 {
		t.Errorf("head %d", w.head(0))
	}
	if page := w.since(0, 3, 10); len(page.Messages) != 1 || page.Messages[0].ID != m.ID {
		t.Errorf("since 3: %+v", page)
	}
}

// testEditTwice: an edit that says what the message says already takes no number, also in the
// batch of the one that did it, and one that says something else again does.
func testEditTwice(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	m := w.stored(w.send(0, 0, "first", clientID("c")))
	same := w.edit(0, 0, m.ID, "first")
	if w.same(w.stored(same), m); same.Seq != 0 || m.IsEdited {
		t.Errorf("an edit to what was sent: number %d, %+v", same.Seq, m)
	}
	ops := []*room.Op{
		w.edit(0, 0, m.ID, "second"), w.edit(0, 0, m.ID, "second"),
		w.edit(0, 0, m.ID, "first"), w.edit(0, 0, m.ID, "second"), w.edit(0, 0, m.ID, "second"),
	}
	w.append(ops...)
	last := w.edit(0, 0, m.ID, "second")
	last.At = last.At.AddDate(1, 0, 0)
	w.append(last)
	for i, want := range []struct{ seq, rev int64 }{{2, 2}, {0, 2}, {3, 3}, {4, 4}, {0, 4}, {0, 4}} {
		op := append(ops, last)[i]
		if w.mustOutcome(op, room.Stored, ""); op.Seq != want.seq || op.Message.Rev != want.rev || op.Message.Content != op.Content {
			t.Errorf("edit %d: number %d, %+v; want %+v", i, op.Seq, op.Message, want)
		}
	}
	w.mustEqual(ops[4].Message)
	w.mustEqual(last.Message)
	if w.head(0) != 4 {
		t.Errorf("the room stands at %d", w.head(0))
	}
}

func testEditInBatch(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	old := w.stored(w.send(0, 0, "old"))
	fresh := w.send(0, 0, "fresh")
	ops := []*room.Op{
		w.edit(0, 0, fresh.MessageID, "too early"),
		fresh,
		w.edit(0, 0, fresh.MessageID, "fresh 2"),
		w.edit(0, 0, old.ID, "old 2"),
		w.edit(0, 0, fresh.MessageID, "fresh 3"),
		w.edit(0, 0, old.ID, "old 3"),
	}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Refused, protocol.CodeNotFound)
	for i, want := range []struct {
		content string
		seq     int64
		rev     int64
	}{{}, {"fresh", 2, 2}, {"fresh 2", 2, 3}, {"old 2", 1, 4}, {"fresh 3", 2, 5}, {"old 3", 1, 6}} {
		if i == 0 {
			continue
		}
		w.mustOutcome(ops[i], room.Stored, "")
		if m := ops[i].Message; m.Content != want.content || m.Seq != want.seq || m.Rev != want.rev || m.IsEdited != (i > 1) {
			t.Errorf("op %d: %+v", i, m)
		}
	}
	w.mustEqual(ops[4].Message)
	w.mustEqual(ops[5].Message)
	if w.head(0) != 6 {
		t.Errorf("head %d", w.head(0))
	}
}

func testEditRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	mine, theirs := w.stored(w.send(0, 0, "mine")), w.stored(w.send(0, 1, "theirs"))
	elsewhere := w.stored(w.send(1, 0, "elsewhere"))
	ops := []*room.Op{
		w.edit(0, 0, theirs.ID, "x"),
		w.edit(0, 0, uuid.New(), "x"),
		w.edit(0, 0, elsewhere.ID, "x"),
		w.edit(0, 0, mine.ID, "mine 2"),
	}
	w.append(ops...)
	for _, op := range ops[:3] {
		w.mustOutcome(op, room.Refused, protocol.CodeNotFound)
	}
	w.mustOutcome(ops[3], room.Stored, "")
	w.mustEqual(theirs)
	w.mustEqual(elsewhere)
	if w.head(0) != 3 || w.head(1) != 1 {
		t.Errorf("heads %d, %d", w.head(0), w.head(1))
	}
}
