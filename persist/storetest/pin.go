package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// modelPin: everybody may pin what is not deleted. What is so stays as it is.
var modelPin = change{
	intent: func(content string) protocol.Intent { return protocol.Intent{On: len(content)%2 == 0} },
	may:    func(x *protocol.Message, _ *room.Op) bool { return !x.Deleted() },
	idle:   func(x *protocol.Message, op *room.Op) bool { return x.Pinned() == op.On },
	do: func(x *protocol.Message, op *room.Op) {
		x.WithExtra(func(e *protocol.Extra) {
			e.PinnedAt, e.PinnedBy = op.At, op.Sender.ID
			if !op.On {
				e.PinnedAt, e.PinnedBy = time.Time{}, uuid.Nil
			}
		})
	},
}

func (w *world) pin(r, u int, id uuid.UUID, on bool) *room.Op {
	return w.change(r, u, protocol.Intent{Kind: protocol.KindPin, MessageID: id, On: on})
}

func testPin(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m := w.stored(w.send(0, 0, "x", clientID("c")))
	op := w.pin(0, 1, m.ID, true)
	op.At = op.At.Add(time.Second)
	want := *m
	want.Rev, want.Extra = 2, &protocol.Extra{PinnedAt: op.At, PinnedBy: w.users[1].ID}
	w.same(w.stored(op), &want)
	w.mustEqual(&want)
	edited := w.stored(w.edit(0, 0, m.ID, "y"))
	want.Content, want.IsEdited, want.UpdatedAt, want.Rev = "y", true, edited.UpdatedAt, 3
	w.same(edited, &want)
	w.mustEqual(&want)
	unpinned := w.stored(w.pin(0, 0, m.ID, false))
	want.Rev, want.Extra = 4, nil
	w.same(unpinned, &want)
	w.mustEqual(&want)
	walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: 1, Limit: room.Limit{Messages: 10}})
	if err != nil || len(walk.Entries) != 3 || walk.Entries[0].Kind != protocol.KindPin || walk.Entries[1].Kind != protocol.KindEdit || walk.Entries[2].Kind != protocol.KindPin {
		t.Errorf("the log: %+v, %v", walk, err)
	}

	// In the batch that made it, and in one with a delete, which clears it.
	fresh := w.send(0, 0, "fresh")
	pin, gone := w.pin(0, 1, fresh.MessageID, true), w.delete(0, 0, m.ID)
	w.append(fresh, w.pin(0, 0, m.ID, true), pin, gone)
	w.mustEqual(pin.Message)
	w.mustEqual(gone.Message)
	if !pin.Message.Pinned() || gone.Message.Pinned() || w.head(0) != 8 {
		t.Errorf("%+v, %+v, head %d", pin.Message.Extra, gone.Message.Extra, w.head(0))
	}
	both := []*room.Op{w.send(0, 0, "both")}
	both = append(both, w.pin(0, 1, both[0].MessageID, true), w.pin(0, 1, both[0].MessageID, false))
	w.append(both...)
	w.mustEqual(both[2].Message)
	if both[2].Message.Extra != nil {
		t.Errorf("pinned and unpinned in a batch: %+v", both[2].Message.Extra)
	}
}

// testPinIdle: who pinned first stays.
func testPinIdle(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m := w.stored(w.send(0, 0, "x"))
	ops := []*room.Op{w.pin(0, 0, m.ID, false), w.pin(0, 1, m.ID, true), w.pin(0, 0, m.ID, true)}
	w.append(ops...)
	for i, seq := range []int64{0, 2, 0} {
		w.mustOutcome(ops[i], room.Stored, "")
		if ops[i].Seq != seq {
			t.Errorf("op %d took number %d, want %d", i, ops[i].Seq, seq)
		}
	}
	again := w.pin(0, 0, m.ID, true)
	w.append(again)
	w.mustOutcome(again, room.Stored, "")
	w.same(again.Message, ops[1].Message)
	w.mustEqual(ops[1].Message)
	if by := again.Message.Extra.PinnedBy; by != w.users[1].ID || w.head(0) != 2 {
		t.Errorf("pinned by %s, head %d", by, w.head(0))
	}
}

func testPinRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	m, elsewhere := w.stored(w.send(0, 0, "x")), w.stored(w.send(1, 0, "elsewhere"))
	w.stored(w.delete(0, 0, m.ID))
	for _, id := range []uuid.UUID{m.ID, elsewhere.ID, uuid.New()} {
		for _, on := range []bool{true, false} {
			op, good := w.pin(0, 0, id, on), w.send(0, 0, "good")
			w.append(op, good)
			w.mustOutcome(op, room.Refused, protocol.CodeNotFound)
			w.mustOutcome(good, room.Stored, "")
		}
	}
	w.mustEqual(elsewhere)
}

// testPinLimit: also within a batch, where pins go, too.
func testPinLimit(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	var sends, pins []*room.Op
	for range protocol.PinsMax + 2 {
		sends = append(sends, w.send(0, 0, "x"))
		pins = append(pins, w.pin(0, 0, sends[len(sends)-1].MessageID, true))
	}
	w.append(sends...)
	w.append(pins[:protocol.PinsMax-1]...)
	w.append(pins[protocol.PinsMax-1:]...)
	for i, op := range pins {
		if i < protocol.PinsMax {
			w.mustOutcome(op, room.Stored, "")
		} else {
			w.mustOutcome(op, room.Refused, protocol.CodeTooManyPins)
		}
	}
	id := func(i int) uuid.UUID { return sends[i].MessageID }
	last := id(protocol.PinsMax)
	ops := []*room.Op{
		w.pin(0, 0, last, true), // no
		w.pin(0, 0, id(0), true),
		w.pin(0, 0, id(0), false),
		w.pin(0, 0, last, true),
		w.pin(0, 0, id(0), true), // no
		w.delete(0, 0, id(1)),
		w.pin(0, 0, id(0), true),
		w.pin(0, 0, id(protocol.PinsMax+1), true), // no
	}
	elsewhere := w.send(1, 0, "x")
	ops = append(ops, elsewhere, w.pin(1, 0, elsewhere.MessageID, true))
	w.append(ops...)
	for i, op := range ops {
		if i == 0 || i == 4 || i == 7 {
			w.mustOutcome(op, room.Refused, protocol.CodeTooManyPins)
		} else {
			w.mustOutcome(op, room.Stored, "")
		}
	}
}
