package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testPins lists the pinned messages of a room, the latest pin first.
func testPins(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	var all []*protocol.Message
	for range 4 {
		all = append(all, w.stored(w.send(0, 0, "x")))
	}
	w.append(w.pin(1, 0, w.stored(w.send(1, 0, "elsewhere")).ID, true))
	w.mustPins()
	for i, at := range []int{2, 0, 3, 1} {
		op := w.pin(0, 1, all[at].ID, true)
		op.At = all[0].CreatedAt.AddDate(0, 0, i)
		w.stored(op)
	}
	w.mustPins(all[1].ID, all[3].ID, all[0].ID, all[2].ID)
	w.stored(w.pin(0, 0, all[1].ID, false))
	w.stored(w.delete(0, 0, all[0].ID))
	again := w.pin(0, 0, all[3].ID, true) // which changes nothing
	again.At = all[0].CreatedAt.AddDate(1, 0, 0)
	w.stored(again)
	w.mustPins(all[3].ID, all[2].ID)
	// A node of the release before has edited what was deleted, or the application has pinned it.
	w.setRow(all[0].ID, "pinned_at = '2026-01-02T03:04:05.000000Z'")
	w.mustPins(all[3].ID, all[2].ID)
	if page, err := w.store.Pins(w.ctx(), uuid.New(), room.PinCursor{}, room.Limit{Messages: protocol.PinsMax}); err != nil || len(page.Messages) > 0 {
		t.Errorf("of a room that is not there: %+v, %v", page, err)
	}
	w.app(fmt.Sprintf("UPDATE chat_messages SET pinned_at = created_at WHERE chat_room_id = '%s'", w.rooms[0]))
	for range protocol.PinsMax {
		w.append(w.send(0, 0, "x"))
	}
	w.app(fmt.Sprintf("UPDATE chat_messages SET pinned_at = created_at WHERE chat_room_id = '%s'", w.rooms[0]))
	page, err := w.store.Pins(w.ctx(), w.rooms[0], room.PinCursor{}, room.Limit{Messages: protocol.PinsMax})
	if err != nil || len(page.Messages) != protocol.PinsMax || !page.HasMore {
		t.Errorf("%d of more than may be, more %v, %v", len(page.Messages), page.HasMore, err)
	}
}

// testPinPages: a page ends at its number and at its bytes, and the next one goes on behind it,
// also among pins of one time.
func testPinPages(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	const pins = 12
	var want []uuid.UUID
	for n := range pins {
		m := w.stored(w.send(0, 0, strings.Repeat("é", 50)))
		op := w.pin(0, 0, m.ID, true)
		op.At = m.CreatedAt.Truncate(time.Second).Add(time.Duration(n/5) * time.Hour)
		w.stored(op)
		want = append(want, m.ID)
	}
	when := make(map[uuid.UUID]int)
	for n, id := range want {
		when[id] = n / 5
	}
	slices.SortFunc(want, func(a, b uuid.UUID) int { return cmp.Or(when[b]-when[a], bytes.Compare(b[:], a[:])) })
	for _, limit := range []room.Limit{{Messages: 1}, {Messages: 5}, {Messages: pins}, {Messages: pins + 1}, {Messages: pins, Bytes: 250}, {Messages: 3, Bytes: 1}} {
		var got []uuid.UUID
		for after, more := (room.PinCursor{}), true; more; {
			page, err := w.store.Pins(w.ctx(), w.rooms[0], after, limit)
			if err != nil || len(page.Messages) == 0 || len(page.Messages) > limit.Messages || limit.Bytes > 0 && len(page.Messages) > max(1, limit.Bytes/100) {
				t.Fatalf("%+v: %d, %v", limit, len(page.Messages), err)
			}
			for i := range page.Messages {
				got = append(got, page.Messages[i].ID)
			}
			after, more = room.PinCursorOf(&page.Messages[len(page.Messages)-1]), page.HasMore
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", limit, got, want)
		}
	}
}

func (w *world) mustPins(want ...uuid.UUID) {
	w.t.Helper()
	page, err := w.store.Pins(w.ctx(), w.rooms[0], room.PinCursor{}, room.Limit{Messages: protocol.PinsMax})
	if err != nil || len(page.Messages) != len(want) || page.HasMore || page.Seq != w.head(0) {
		w.t.Fatalf("%d pins, %+v, %v; want %d", len(page.Messages), page, err, len(want))
	}
	for i := range page.Messages {
		if w.mustEqual(&page.Messages[i]); page.Messages[i].ID != want[i] {
			w.t.Errorf("pin %d is of %s, want %s", i, page.Messages[i].ID, want[i])
		}
	}
}

// testRoomOfUser: the list of rooms says where each begins, and what the user's role is in it; so
// does the answer to who may enter.
func testRoomOfUser(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	w.app(fmt.Sprintf("UPDATE chat_rooms SET first_seq = 7, slow_mode = 10 WHERE id = '%s'", w.rooms[1]))
	w.app(fmt.Sprintf("UPDATE collaborators SET role = 'owner' WHERE user_id = '%s' AND trip_id IN (SELECT trip_id FROM chat_rooms WHERE id = '%s')", w.users[0].ID, w.rooms[1]))
	page, err := w.store.Rooms(w.ctx(), w.users[0].ID, uuid.Nil, room.Limit{Messages: 9})
	if err != nil || len(page.Rooms) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	want := map[uuid.UUID]room.Summary{
		w.rooms[0]: {Info: room.Info{RoomSettings: protocol.RoomSettings{FirstSeq: 1}}, Role: "member"}, w.rooms[1]: {Info: room.Info{RoomSettings: protocol.RoomSettings{FirstSeq: 7, SlowMode: 10}}, Role: "owner"},
	}
	for _, r := range page.Rooms {
		access, err := w.store.Access(w.ctx(), []room.AccessQuestion{{User: w.users[0].ID, Place: r.ID}})
		if err != nil {
			t.Fatal(err)
		}
		if x := want[r.ID]; r.RoomSettings != x.RoomSettings || r.Role != x.Role || access[0].Room.RoomSettings != x.RoomSettings || access[0].Role != x.Role {
			t.Errorf("%+v, %+v; want %+v", r, access[0], x)
		}
	}
}
