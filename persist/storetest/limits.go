package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testLimits: an answer ends where the bytes of content are used up, with one message
// at least, and says that there is more.
func testLimits(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	var ops []*room.Op
	for _, size := range []int{10, 50, 20, 400, 30, 30, 30} { // seqs 1 to 7
		ops = append(ops, w.send(0, 0, strings.Repeat("x", size)))
	}
	w.append(ops...)
	w.append(w.edit(0, 0, ops[2].MessageID, strings.Repeat("y", 40))) // rev 8
	w.append(w.send(1, 0, strings.Repeat("z", 100)), w.send(1, 0, "short"))

	for _, c := range []struct {
		bytes                        int
		latest, before5, after1, rev []int64
	}{
		{1, []int64{7}, []int64{4}, []int64{2}, []int64{1}},
		{59, []int64{7}, []int64{4}, []int64{2}, []int64{1}},
		{60, []int64{6, 7}, []int64{4}, []int64{2}, []int64{1, 2}},
		{89, []int64{6, 7}, []int64{4}, []int64{2}, []int64{1, 2}},
		{90, []int64{5, 6, 7}, []int64{4}, []int64{2, 3}, []int64{1, 2}},
		{440, []int64{5, 6, 7}, []int64{3, 4}, []int64{2, 3}, []int64{1, 2}},
		{490, []int64{4, 5, 6, 7}, []int64{2, 3, 4}, []int64{2, 3, 4}, []int64{1, 2, 4, 5}},
		{10_000, []int64{1, 2, 3, 4, 5, 6, 7}, []int64{1, 2, 3, 4}, []int64{2, 3, 4, 5, 6, 7}, []int64{1, 2, 4, 5, 6, 7, 8}},
	} {
		t.Run(fmt.Sprint(c.bytes), func(t *testing.T) {
			limit := room.Limit{Messages: 20, Bytes: c.bytes}
			pages, err1 := w.store.Latest(w.ctx(), []uuid.UUID{w.rooms[0], w.rooms[1], w.rooms[0]}, limit)
			before, err2 := w.store.Before(w.ctx(), w.rooms[0], 5, limit)
			after, err3 := w.store.After(w.ctx(), w.rooms[0], 1, limit)
			since, err4 := room.Changes(w.ctx(), w.store, room.SinceQuery{Room: w.rooms[0], Limit: 20, Bytes: c.bytes})
			proved, err5 := room.Changes(w.ctx(), w.store, room.SinceQuery{Room: w.rooms[0], Since: 4, Last: ops[3].MessageID, Limit: 20, Bytes: c.bytes})
			if err1 != nil || err2 != nil || err3 != nil || err4 != nil || err5 != nil {
				t.Fatal(err1, err2, err3, err4, err5)
			}
			seq := func(m *protocol.Message) int64 { return m.Seq }
			rev := func(m *protocol.Message) int64 { return m.Rev }
			check := func(name string, page room.Page, by func(*protocol.Message) int64, want []int64, all int) {
				t.Helper()
				var got []int64
				for i := range page.Messages {
					got = append(got, by(&page.Messages[i]))
				}
				if !slices.Equal(got, want) || page.HasMore != (len(want) < all) || page.Seq != 8 {
					t.Errorf("%s: %v more %v of %d, want %v", name, got, page.HasMore, page.Seq, want)
				}
			}
			check("latest", pages[0], seq, c.latest, 7)
			check("latest, asked again", pages[2], seq, c.latest, 7)
			check("before", before, seq, c.before5, 4)
			check("after", after, seq, c.after1, 6)
			check("since", since, rev, c.rev, 7)
			if want := c.rev[len(c.rev)-1]; since.HasMore && since.Stand < want {
				t.Errorf("since stands at %d, before %d", since.Stand, want)
			}
			if len(proved.Messages) == 0 || proved.Messages[0].Seq != 5 {
				t.Errorf("what the client has counts: %+v", proved)
			}
			if n := len(pages[1].Messages); n == 0 || pages[1].Messages[n-1].Content != "short" || (n == 2) != (c.bytes >= 105) {
				t.Errorf("the other room: %+v", pages[1])
			}
		})
	}
}

// testManyShort: where the bytes leave room for all, the count ends an answer.
func testManyShort(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	var ops []*room.Op
	for range 300 {
		ops = append(ops, w.send(0, 0, "x"))
	}
	w.append(ops...)
	for _, messages := range []int{63, 64, 65, 200, 256, 299, 300, 301} {
		limit := room.Limit{Messages: messages, Bytes: 1 << 20}
		latest, err1 := w.store.Latest(w.ctx(), w.rooms, limit)
		before, err2 := w.store.Before(w.ctx(), w.rooms[0], 301, limit)
		after, err3 := w.store.After(w.ctx(), w.rooms[0], 0, limit)
		walk, err4 := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: 1, Known: true, Limit: limit})
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			t.Fatal(err1, err2, err3, err4)
		}
		for _, p := range []room.Page{latest[0], before, after} {
			if len(p.Messages) != min(messages, 300) || p.HasMore != (messages < 300) || p.Seq != 300 {
				t.Errorf("%d of %d messages, more %v", len(p.Messages), messages, p.HasMore)
			}
		}
		if n := len(walk.Entries); n != min(messages+1, 300) || walk.HasMore != (messages < 299) || walk.Entries[n-1].Seq != int64(n) {
			t.Errorf("%d of %d entries, more %v", n, messages+1, walk.HasMore)
		}
	}
}

// testWalkLimits: a walk goes on from where the bytes were used up, and comes to its end.
func testWalkLimits(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	var ops []*room.Op
	for i := range 12 {
		ops = append(ops, w.send(0, 0, strings.Repeat("x", 1+i*i)))
	}
	w.append(ops...)
	for i := range 6 {
		w.append(w.edit(0, 0, ops[i*2].MessageID, strings.Repeat("y", 100-i*10)))
	}
	for _, bytes := range []int{1, 60, 150, 1_000} {
		for _, known := range []bool{false, true} {
			at, calls := int64(0), 0
			for more := true; more; calls++ {
				walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: at, Known: known && at > 0, Limit: room.Limit{Messages: 5, Bytes: bytes}})
				if err != nil {
					t.Fatal(err)
				}
				if known && at > 0 {
					if first := walk.Entries[0]; first.Seq != at || first.MessageID == uuid.Nil || first.Message != nil {
						t.Fatalf("known is %d, want %d: %+v", first.Seq, at, first)
					}
					walk.Entries = walk.Entries[1:]
				}
				content := 0
				for _, e := range walk.Entries {
					if at++; e.Seq != at || e.Message == nil || e.MessageID != e.Message.ID {
						t.Fatalf("%d comes where %d is next: %+v", e.Seq, at, e)
					}
					content += len(e.Message.Content)
				}
				if n := len(walk.Entries); n == 0 || n > 5 || n > 1 && content > bytes {
					t.Fatalf("%d entries with %d bytes; at most 5 with %d are asked for", n, content, bytes)
				}
				more = walk.HasMore
			}
			if at != 18 {
				t.Errorf("the walk ends at %d of 18 after %d calls", at, calls)
			}
		}
	}
}

// testRoomLimits: a list of rooms ends where the bytes of their titles and last messages are
// used up.
func testRoomLimits(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 5)
	for r := range 5 {
		w.append(w.send(r, 0, strings.Repeat("x", 100-len("Trip 0"))))
	}
	for bytes, want := range map[int]int{1: 1, 199: 1, 200: 2, 499: 4, 500: 5, 0: 5} {
		var all []room.Summary
		for after, more := uuid.Nil, true; more; {
			page, err := w.store.Rooms(w.ctx(), w.users[0].ID, after, room.Limit{Messages: 50, Bytes: bytes})
			if err != nil || len(page.Rooms) == 0 {
				t.Fatalf("%+v, %v", page, err)
			}
			if all == nil && len(page.Rooms) != want {
				t.Errorf("%d bytes: %d rooms, want %d", bytes, len(page.Rooms), want)
			}
			all = append(all, page.Rooms...)
			after, more = page.Rooms[len(page.Rooms)-1].ID, page.HasMore
		}
		if len(all) != 5 {
			t.Errorf("%d bytes: %d rooms in all", bytes, len(all))
		}
	}
}
