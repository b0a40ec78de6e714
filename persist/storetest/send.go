package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testSend(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	op := w.send(0, 0, "hello", clientID("c1"))
	m := w.stored(op)
	want := &protocol.Message{
		ID: op.MessageID, RoomID: w.rooms[0], Sender: w.users[0], Content: "hello", Type: protocol.TypeText,
		CreatedAt: op.At, UpdatedAt: op.At, Seq: 1, Rev: 1, ClientID: "c1",
	}
	w.same(m, want)
	w.mustEqual(want)

	if _, err := w.store.Message(w.ctx(), uuid.New()); !errors.Is(err, room.ErrNoMessage) {
		t.Errorf("unknown message: %v", err)
	}
	if err := w.store.Ping(w.ctx()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

func testNumbers(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 3)
	next := make([]int64, 3)
	for batch := range 5 {
		var ops []*room.Op
		for i := range 7 {
			ops = append(ops, w.send((batch+i*i)%3, i%2, "x"))
		}
		w.append(ops...)
		for _, op := range ops {
			for r, id := range w.rooms {
				if op.Room != id {
					continue
				}
				next[r]++
				if op.Message.Seq != next[r] || op.Message.Rev != next[r] {
					t.Fatalf("room %d: seq %d rev %d, want %d", r, op.Message.Seq, op.Message.Rev, next[r])
				}
			}
		}
	}
	for r, n := range next {
		if got := w.head(r); got != n {
			t.Errorf("room %d: head %d, want %d", r, got, n)
		}
	}
}

func testEmptyBatch(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 0)
	w.append()
}

func testUnknown(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	stranger := protocol.User{ID: uuid.New(), Email: "s@example.com"}
	ops := []*room.Op{
		w.send(0, 0, "one"),
		w.send(0, 0, "x", inRoom(uuid.New())),
		w.send(0, 0, "x", sentBy(stranger)),
		w.send(0, 0, "two"),
	}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Stored, "")
	w.mustOutcome(ops[1], room.Refused, protocol.CodeForbidden)
	w.mustOutcome(ops[2], room.Refused, protocol.CodeForbidden)
	w.mustOutcome(ops[3], room.Stored, "")
	if ops[3].Message.Seq != 2 || w.head(0) != 2 {
		t.Errorf("seq %d, head %d", ops[3].Message.Seq, w.head(0))
	}
}

func testCanceled(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	op := w.send(0, 0, "x")
	if err := w.store.Append(ctx, []*room.Op{op}, room.Within{}); !errors.Is(err, room.ErrNotStored) {
		t.Fatalf("got %v", err)
	}
	if op.Outcome != room.Pending {
		t.Errorf("outcome %d", op.Outcome)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := w.store.Latest(late, w.rooms, room.Limit{Messages: 1}); err == nil {
		t.Error("a read after the deadline succeeded")
	}
	w.append(op) // nothing was stored, so the same op may be appended again
	w.mustOutcome(op, room.Stored, "")
	if w.head(0) != 1 {
		t.Errorf("head %d", w.head(0))
	}
}

func testLargeBatch(t *testing.T, open Open) {
	w := newWorld(t, open, 10, 5)
	const n = 3000
	ops := make([]*room.Op, n)
	for i := range ops {
		ops[i] = w.send(i%5, i%10, strings.Repeat("é", i%400), clientID(fmt.Sprint("c", i)))
		if i >= 5 && i%7 == 0 {
			ops[i].ReplyTo = ops[i-5].MessageID
		}
	}
	w.append(ops...)
	for i := range 5 {
		if got := w.head(i); got != n/5 {
			t.Errorf("head %d, want %d", got, n/5)
		}
	}
	for i := 0; i < n; i += 211 {
		w.mustEqual(ops[i].Message)
	}
}

func testSeed(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 0)
	fleet := persist.Fleet(20_000, 100)
	w.seed(fleet)
	again := persist.Fleet(20_000, 100)
	again.Users[7].Email = "other@example.com"
	w.seed(again)
	answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{
		{User: fleet.Users[7].ID, Place: fleet.Trips[7].ID},
		{User: fleet.Users[19_999].ID, Place: fleet.Trips[99].ID},
		{User: fleet.Users[19_999].ID, Place: fleet.Trips[98].ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !answers[0].Allowed || answers[0].User != fleet.Users[7] || answers[0].Room.Title != "Trip 7" {
		t.Errorf("user 7: %+v", answers[0])
	}
	if !answers[1].Allowed || answers[2].Allowed {
		t.Errorf("user 19999: %+v, %+v", answers[1], answers[2])
	}
}
