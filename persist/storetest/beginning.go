package storetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// begin says with which number a room begins. What stands before is left in its tables.
func (w *world) begin(r int, first int64) {
	w.t.Helper()
	w.app(fmt.Sprintf("UPDATE chat_rooms SET first_seq = %d WHERE id = '%s'", first, w.rooms[r]))
}

// testBeginning: nothing that stands before a room's first number is told, in no way.
func testBeginning(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	var all []*protocol.Message // numbers 1 to 6
	for i := range 6 {
		with := func(*room.Op) {}
		if i > 0 {
			with = replyTo(all[i-1].ID)
		}
		all = append(all, w.stored(w.send(0, i%2, fmt.Sprint("message ", i+1), with)))
	}
	for _, i := range []int{1, 4} { // 7, 8
		w.append(w.pin(0, 0, all[i].ID, true))
	}
	w.append(w.edit(0, 0, all[2].ID, "edited"), w.edit(0, 1, all[5].ID, "edited")) // 9, 10
	w.append(w.send(0, 0, "also answers 2", replyTo(all[1].ID)))                   // 11
	w.append(w.send(1, 0, "elsewhere"))
	w.begin(0, 5)

	limit := room.Limit{Messages: 9}
	seqs := func(p room.Page, err error) (numbers []int64) {
		t.Helper()
		if err != nil || p.HasMore || p.Seq != 11 {
			t.Fatalf("%+v, %v", p, err)
		}
		for i := range p.Messages {
			m := &p.Messages[i]
			if numbers = append(numbers, m.Seq); m.ReplyTo != nil && m.Seq != 6 {
				t.Errorf("%d quotes %+v", m.Seq, m.ReplyTo)
			}
		}
		return numbers
	}
	latest, err := w.store.Latest(w.ctx(), []uuid.UUID{w.rooms[1], w.rooms[0]}, limit)
	if err != nil || len(latest[0].Messages) != 1 {
		t.Fatalf("%+v, %v", latest, err)
	}
	in := w.rooms[0]
	for name, c := range map[string]struct{ got, want []int64 }{
		"latest":                   {seqs(latest[1], nil), []int64{5, 6, 11}},
		"before":                   {seqs(w.store.Before(w.ctx(), in, 6, limit)), []int64{5}},
		"before the first":         {seqs(w.store.Before(w.ctx(), in, 5, limit)), nil},
		"after":                    {seqs(w.store.After(w.ctx(), in, 2, limit)), []int64{5, 6, 11}},
		"after the first":          {seqs(w.store.After(w.ctx(), in, 5, limit)), []int64{6, 11}},
		"replies to one of before": {seqs(w.store.RepliesAfter(w.ctx(), in, all[1].ID, 0, limit)), []int64{11}},
		"replies":                  {seqs(w.store.RepliesBefore(w.ctx(), in, all[4].ID, math.MaxInt64, limit)), []int64{6}},
		"replies of before":        {seqs(w.store.RepliesBefore(w.ctx(), in, all[2].ID, math.MaxInt64, limit)), nil},
		"pins":                     {seqs(w.store.Pins(w.ctx(), in, room.PinCursor{}, room.Limit{Messages: 10})), []int64{5}},
		"changes":                  {seqs(room.Changes(w.ctx(), w.store, room.SinceQuery{Room: in, Limit: 9})), []int64{5, 6, 11}},
		"changes after 7":          {seqs(room.Changes(w.ctx(), w.store, room.SinceQuery{Room: in, Since: 8, Limit: 9})), []int64{6, 11}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	for i, m := range all {
		if _, err := w.store.Message(w.ctx(), m.ID); (err == nil) != (i >= 4) || i < 4 && !errors.Is(err, room.ErrNoMessage) {
			t.Errorf("message %d: %v", m.Seq, err)
		}
	}
	w.mustWalkFrom(5)
	w.begin(0, 12)
	for _, r := range w.roomsOfUser(0) {
		if (r.Last == nil) != (r.ID == in) {
			t.Errorf("the last message of %s: %+v", r.ID, r.Last)
		}
	}
}

// mustWalkFrom checks that the log of room 0 tells no message from before a number.
func (w *world) mustWalkFrom(first int64) {
	w.t.Helper()
	walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], Limit: room.Limit{Messages: 99}})
	if err != nil || walk.Seq != w.head(0) {
		w.t.Fatalf("%+v, %v", walk, err)
	}
	for _, e := range walk.Entries {
		if e.Message != nil && e.Message.Seq < first {
			w.t.Errorf("number %d tells message %d", e.Seq, e.Message.Seq)
		}
	}
}

// roomsOfUser is the list of a user's rooms.
func (w *world) roomsOfUser(u int) []room.Summary {
	w.t.Helper()
	page, err := w.store.Rooms(w.ctx(), w.users[u].ID, uuid.Nil, room.Limit{Messages: 9})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Rooms
}

// testRemovedMessages: of what stands before a room's first number there is no message, for
// whatever is asked. Numbers stay dense.
func testRemovedMessages(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	gone, m := w.stored(w.send(0, 0, "gone")), w.stored(w.send(0, 0, "there"))
	w.begin(0, 2)
	ops := []*room.Op{
		w.edit(0, 0, gone.ID, "x"), w.delete(0, 0, gone.ID), w.pin(0, 0, gone.ID, true), w.react(0, 0, gone.ID, "👍", true), w.summary(0, gone.ID),
		w.send(0, 0, "x", replyTo(gone.ID)), w.edit(0, 0, m.ID, "there, edited"), w.send(0, 0, "answer", replyTo(m.ID)),
	}
	w.append(ops...)
	for i, op := range ops {
		switch {
		case i < 5:
			w.mustOutcome(op, room.Refused, protocol.CodeNotFound)
		case i == 5:
			w.mustOutcome(op, room.Refused, protocol.CodeInvalidReply)
		default:
			if w.mustOutcome(op, room.Stored, ""); op.Seq != int64(i-3) {
				t.Errorf("op %d has number %d", i, op.Seq)
			}
		}
	}
}
