package storetest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testWalk: every number is told by its own kind, each with the message as it is
// now, whatever the limit.
func testWalk(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	first := w.send(0, 0, "first")
	second := w.send(0, 1, "second", replyTo(first.MessageID))
	ops := []*room.Op{
		first,                                    // 1
		w.edit(0, 0, first.MessageID, "first 2"), // 2
		second,                                   // 3
		w.edit(0, 0, first.MessageID, "first 3"), // 4
		w.edit(0, 1, second.MessageID, "second 2"), // 5
	}
	w.append(w.send(1, 0, "elsewhere"))
	w.append(ops[:3]...)
	w.append(ops[3:]...)
	want := []room.LogEntry{
		{Seq: 1, Kind: protocol.KindMessage, Row: first.MessageID, Message: ops[3].Message},
		{Seq: 2, Kind: protocol.KindEdit, Row: ops[1].Row, Message: ops[3].Message},
		{Seq: 3, Kind: protocol.KindMessage, Row: second.MessageID, Message: ops[4].Message},
		{Seq: 4, Kind: protocol.KindEdit, Row: ops[3].Row, Message: ops[3].Message},
		{Seq: 5, Kind: protocol.KindEdit, Row: ops[4].Row, Message: ops[4].Message},
	}
	for after := int64(0); after <= 6; after++ {
		for limit := 1; limit <= 6; limit++ {
			got, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: after, Limit: room.Limit{Messages: limit}})
			if err != nil {
				t.Fatal(err)
			}
			rest := want[min(after, 5):]
			if got.Seq != 5 || got.HasMore != (len(rest) > limit) || len(got.Entries) != min(len(rest), limit) {
				t.Fatalf("after %d, limit %d: %+v", after, limit, got)
			}
			for i := range got.Entries {
				w.sameEntry(&got.Entries[i], &rest[i])
			}
		}
	}
	none, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: uuid.New(), Limit: room.Limit{Messages: 10}})
	if err != nil || none.Seq != 0 || none.HasMore || len(none.Entries) != 0 {
		t.Errorf("of no room: %+v, %v", none, err)
	}
}

// testWalks: several queries are answered in one look, each as if it were alone.
func testWalks(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 4)
	var sent []*room.Op
	for i := range 12 {
		sent = append(sent, w.send(i%3, i%2, strings.Repeat("x", 1+10*i)))
	}
	w.append(sent...)
	w.append(w.edit(0, 0, sent[0].MessageID, "changed"), w.edit(1, 1, sent[1].MessageID, "changed"), w.edit(2, 0, sent[2].MessageID, "changed"), w.send(0, 1, "an answer", replyTo(sent[0].MessageID)))
	var queries []room.WalkQuery
	for _, id := range append(w.rooms, uuid.New()) {
		for after := int64(0); after <= 7; after++ {
			for _, limit := range []room.Limit{{Messages: 1}, {Messages: 3, Bytes: 70}, {Messages: 50, Bytes: 1}, {Messages: 50}} {
				q := room.WalkQuery{Room: id, After: after, Limit: limit, Bulk: true}
				queries = append(queries, q)
				q.Final, q.Known = true, after > 0
				queries = append(queries, q)
			}
		}
	}
	w.sameWalks(t, queries)
	w.sameWalks(t, queries[3:4])
	for i := range queries {
		queries[i].Bulk = false
	}
	w.sameWalks(t, queries)
	if none, err := w.store.Walks(w.ctx(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nothing: %v, %v", none, err)
	}
}

// sameWalks compares one look with one for each query.
func (w *world) sameWalks(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, queries []room.WalkQuery) {
	t.Helper()
	got, err := w.store.Walks(w.ctx(), queries)
	if err != nil || len(got) != len(queries) {
		t.Fatalf("%d walks, %v", len(got), err)
	}
	for i, q := range queries {
		want, err := w.store.Walk(w.ctx(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(got[i].Entries)+len(want.Entries) == 0 {
			got[i].Entries, want.Entries = nil, nil
		}
		if !reflect.DeepEqual(got[i], want) {
			t.Fatalf("%+v: got %+v, want %+v", q, got[i], want)
		}
	}
}

func (w *world) sameEntry(got, want *room.LogEntry) {
	w.t.Helper()
	if got.Seq != want.Seq || got.Kind != want.Kind || got.Row != want.Row {
		w.t.Fatalf("got number %d of kind %d, row %v; want %d, %d, %v", got.Seq, got.Kind, got.Row, want.Seq, want.Kind, want.Row)
	}
	now, err := w.store.Message(w.ctx(), want.Message.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	w.same(got.Message, &now)
}

// testSinceGoesOn: where a message has changed hundreds of times an answer passes its
// numbers without an end in sight, and says so.
func testSinceGoesOn(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	m := w.stored(w.send(0, 0, "changes"))
	const edits = 1_300
	batch := make([]*room.Op, edits)
	for i := range batch {
		batch[i] = w.edit(0, 0, m.ID, fmt.Sprint("changed ", i))
	}
	w.append(batch...)
	last := w.stored(w.send(0, 0, "the end"))
	var got []protocol.Message
	answers := 0
	for at, more := int64(0), true; more; answers++ {
		page := w.since(0, at, 1)
		if page.Stand <= at || page.Seq != last.Seq || page.Stand > page.Seq || (!page.HasMore && page.Stand != page.Seq) {
			t.Fatalf("after %d comes %+v", at, page)
		}
		got = append(got, page.Messages...)
		at, more = page.Stand, page.HasMore
	}
	if len(got) != 2 || got[0].ID != m.ID || got[0].Rev != edits+1 || got[1].ID != last.ID {
		t.Errorf("%d messages: %+v", len(got), got)
	}
	if answers < 3 || answers > 25 {
		t.Errorf("%d answers", answers)
	}
	if page := w.since(0, 1<<62, 1); len(page.Messages) != 0 || page.HasMore || page.Stand != last.Seq {
		t.Errorf("beyond the end: %+v", page)
	}
}
