package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
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

// testHopelessSummaries: of a room that is gone, and of what the database does not take for
// reasons of the application's: they are due no more, and refused alone.
func testHopelessSummaries(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	first, second, elsewhere := w.stored(w.send(0, 0, "x")), w.stored(w.send(0, 0, "y")), w.stored(w.send(1, 0, "z"))
	w.append(w.react(0, 1, first.ID, "a", true), w.react(0, 1, second.ID, "a", true), w.react(1, 1, elsewhere.ID, "a", true))
	w.app("ALTER TABLE chat_messages ADD COLUMN odd integer CHECK (extra IS NULL OR content <> 'y')")
	w.app(fmt.Sprintf("DELETE FROM chat_rooms WHERE id = '%s'", w.rooms[1]))
	w.append(w.summary(0, first.ID))
	refused, gone, good := w.summary(0, second.ID), w.summary(1, elsewhere.ID), w.send(0, 0, "good")
	w.append(refused, gone, good)
	w.mustOutcome(good, room.Stored, "")
	if refused.Outcome != room.Refused || gone.Outcome != room.Refused {
		t.Errorf("outcomes %d, %d", refused.Outcome, gone.Outcome)
	}
	w.mustDue()
	w.append(w.react(0, 0, second.ID, "a", true)) // what is new is due again
	w.mustDue(second.ID)
}

// testFirstGoes: when the first of many of an emoji goes, the summary that goes with it cannot
// know the next one, and another is due.
func testFirstGoes(t *testing.T, open Open) {
	w := newWorld(t, open, 12, 1)
	m := w.stored(w.send(0, 0, "x"))
	var ops []*room.Op
	for u := range 12 {
		ops = append(ops, w.react(0, u, m.ID, "a", true))
		if u == 1 {
			ops = append(ops, w.react(0, u, m.ID, "b", true))
		}
	}
	for i, op := range ops {
		op.At = op.At.Add(time.Duration(i) * time.Millisecond)
	}
	w.append(ops[0])
	w.append(ops[2]) // b, before the other ones of a
	w.append(ops...)
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 12}, {Emoji: "b", Count: 1}})
	w.mustDue()
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 11}, {Emoji: "b", Count: 1}}, w.react(0, 11, m.ID, "a", false))
	w.mustDue()
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 10}, {Emoji: "b", Count: 1}}, w.react(0, 0, m.ID, "a", false))
	w.mustDue(m.ID)
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 10}, {Emoji: "b", Count: 1}})
	w.mustDue()
}
