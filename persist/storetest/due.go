package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// testUncounted: messages that were answered before answers were counted become due in
// portions, each once, whatever else is stored meanwhile.
func testUncounted(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	want := make(map[uuid.UUID]int)
	for n := range 9 {
		m := w.stored(w.send(n%2, 0, "x"))
		want[m.ID] = []int{1, 7, 0}[n%3]
		for range want[m.ID] {
			w.append(w.send(n%2, 1, "y", replyTo(m.ID)))
		}
	}
	w.app("DELETE FROM chat_summaries_due")
	w.mustDue() // a new database has none
	w.app("INSERT INTO chat_uncounted (message_id) VALUES ('00000000-0000-0000-0000-000000000000')")
	counted := 0
	for portions := 0; ; portions++ {
		due, err := w.store.DueSummaries(w.ctx(), time.Minute, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			break
		}
		if again, err := w.store.DueSummaries(w.ctx(), time.Minute, 3); err != nil || !slices.Equal(again, due) {
			t.Fatalf("%v, then %v, %v", due, again, err)
		}
		for _, d := range due {
			made := w.summary(slices.Index(w.rooms, d.Room), d.Message)
			w.append(made)
			w.mustOutcome(made, room.Stored, "")
			if e := made.Message.Extra; e == nil || e.ReplyCount != want[d.Message] || want[d.Message] == 0 {
				t.Errorf("%+v, want %d answers", e, want[d.Message])
			}
			counted++
		}
		if portions > 20 {
			t.Fatal("it does not end")
		}
	}
	if counted != 6 {
		t.Errorf("%d messages were counted, want 6", counted)
	}
	w.append(w.send(0, 1, "late"))
	w.mustDue()
}

// testDueSummaries: the longest due first, and only what has been due for so long.
func testDueSummaries(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	var want []room.DueSummary
	for n := range 5 {
		m := w.stored(w.send(n%2, 0, "x"))
		w.append(w.react(n%2, 1, m.ID, "a", true))
		want = append(want, room.DueSummary{Message: m.ID, Room: w.rooms[n%2]})
		time.Sleep(time.Millisecond) // SQLite and PostgreSQL say since when by their own clocks
	}
	w.append(w.react(0, 0, want[0].Message, "b", true)) // is due for as long as before
	for _, limit := range []int{1, 3, 10} {
		due, err := w.store.DueSummaries(w.ctx(), 0, limit)
		if err != nil || !slices.Equal(due, want[:min(limit, len(want))]) {
			t.Errorf("%v, %v; want %v", due, err, want)
		}
	}
	if due, err := w.store.DueSummaries(w.ctx(), time.Hour, 10); err != nil || len(due) != 0 {
		t.Errorf("due for an hour: %v, %v", due, err)
	}
}
