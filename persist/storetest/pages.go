package storetest

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testPages(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	var ops []*room.Op
	for range 10 {
		ops = append(ops, w.send(0, 0, "x"))
	}
	w.append(ops...)
	w.append(w.edit(0, 0, ops[1].MessageID, "edited"), w.edit(0, 0, ops[7].MessageID, "edited")) // revs 11 and 12

	seq := func(m protocol.Message) int64 { return m.Seq }
	rev := func(m protocol.Message) int64 { return m.Rev }
	check := func(name string, page room.Page, err error, by func(protocol.Message) int64, want []int64, head int64, more bool) {
		t.Helper()
		var got []int64
		for _, m := range page.Messages {
			got = append(got, by(m))
			w.mustEqual(&m)
		}
		if err != nil || !slices.Equal(got, want) || page.Seq != head || page.HasMore != more {
			t.Errorf("%s: %v seq %d more %v, %v; want %v seq %d more %v", name, got, page.Seq, page.HasMore, err, want, head, more)
		}
	}
	latest := func(limit int) (room.Page, error) {
		pages, err := w.store.Latest(w.ctx(), w.rooms[:1], room.Limit{Messages: limit})
		if err != nil {
			return room.Page{}, err
		}
		return pages[0], nil
	}

	page, err := latest(3)
	check("latest 3", page, err, seq, []int64{8, 9, 10}, 12, true)
	page, err = latest(10)
	check("latest 10", page, err, seq, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 12, false)
	page, err = latest(50)
	check("latest 50", page, err, seq, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 12, false)
	page, err = latest(0)
	check("latest 0", page, err, seq, nil, 12, true)

	for _, c := range []struct {
		seq   int64
		limit int
		want  []int64
		more  bool
	}{
		{5, 2, []int64{3, 4}, true}, {3, 2, []int64{1, 2}, false}, {3, 5, []int64{1, 2}, false},
		{1, 5, nil, false}, {0, 5, nil, false}, {-3, 5, nil, false}, {11, 1, []int64{10}, true}, {1 << 62, 2, []int64{9, 10}, true},
	} {
		page, err = w.store.Before(w.ctx(), w.rooms[0], c.seq, room.Limit{Messages: c.limit})
		check("before", page, err, seq, c.want, 12, c.more)
	}
	for _, c := range []struct {
		seq   int64
		limit int
		want  []int64
		more  bool
	}{
		{0, 3, []int64{1, 2, 3}, true}, {7, 3, []int64{8, 9, 10}, false}, {7, 2, []int64{8, 9}, true},
		{10, 2, nil, false}, {12, 2, nil, false}, {1 << 62, 2, nil, false}, {-5, 1, []int64{1}, true},
	} {
		page, err = w.store.After(w.ctx(), w.rooms[0], c.seq, room.Limit{Messages: c.limit})
		check("after", page, err, seq, c.want, 12, c.more)
	}
	for _, c := range []struct {
		since int64
		limit int
		want  []int64
		more  bool
	}{
		{0, 100, []int64{1, 3, 4, 5, 6, 7, 9, 10, 11, 12}, false},
		{0, 10, []int64{1, 3, 4, 5, 6, 7, 9, 10, 11, 12}, false},
		{0, 3, []int64{1, 3, 4}, true}, {1, 1, []int64{3}, true}, {10, 5, []int64{11, 12}, false},
		{11, 1, []int64{12}, false}, {12, 5, nil, false}, {99, 5, nil, false},
	} {
		page, err = room.Changes(w.ctx(), w.store, room.SinceQuery{Room: w.rooms[0], Since: c.since, Limit: c.limit})
		check("since", page, err, rev, c.want, 12, c.more)
	}

	w.append(w.send(1, 0, "other"))
	pages, err := w.store.Latest(w.ctx(), []uuid.UUID{w.rooms[1], uuid.New(), w.rooms[0], w.rooms[1]}, room.Limit{Messages: 2})
	if err != nil || len(pages) != 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	check("first of four", pages[0], nil, seq, []int64{1}, 1, false)
	check("second of four", pages[1], nil, seq, nil, 0, false)
	check("third of four", pages[2], nil, seq, []int64{9, 10}, 12, true)
	check("last of four", pages[3], nil, seq, []int64{1}, 1, false)
}

func testEmptyPages(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	for _, id := range []uuid.UUID{w.rooms[0], uuid.New()} {
		pages, err := w.store.Latest(w.ctx(), []uuid.UUID{id}, room.Limit{Messages: 5})
		if err != nil || len(pages) != 1 {
			t.Fatalf("%v, %v", pages, err)
		}
		since, err1 := room.Changes(w.ctx(), w.store, room.SinceQuery{Room: id, Limit: 5})
		before, err2 := w.store.Before(w.ctx(), id, 5, room.Limit{Messages: 5})
		after, err3 := w.store.After(w.ctx(), id, 0, room.Limit{Messages: 5})
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		for _, p := range append(pages, since, before, after) {
			if len(p.Messages) != 0 || p.Seq != 0 || p.HasMore {
				t.Errorf("%+v", p)
			}
		}
	}
	if pages, err := w.store.Latest(w.ctx(), nil, room.Limit{Messages: 5}); err != nil || len(pages) != 0 {
		t.Errorf("no rooms: %v, %v", pages, err)
	}
}

func testHeads(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	x, y := w.send(1, 0, "x"), w.send(1, 0, "y")
	edit := w.edit(1, 0, x.MessageID, "x 2")
	ask := []uuid.UUID{w.rooms[1], uuid.New(), w.rooms[0], w.rooms[1]}
	for _, step := range []struct {
		op   *room.Op
		want room.Head
	}{
		{x, room.Head{Seq: 1, Row: x.MessageID, Message: x.MessageID}},
		{y, room.Head{Seq: 2, Row: y.MessageID, Message: y.MessageID}},
		{edit, room.Head{Seq: 3, Row: edit.Row, Message: x.MessageID}},
	} {
		w.append(step.op)
		heads, err := w.store.Heads(w.ctx(), ask)
		if err != nil || !slices.Equal(heads, []room.Head{step.want, {}, {}, step.want}) {
			t.Errorf("%v, %v", heads, err)
		}
	}
	for id, want := range map[uuid.UUID]int64{w.rooms[0]: 0, w.rooms[1]: 3} {
		if head, exists, err := w.store.Head(w.ctx(), id); err != nil || !exists || head != want {
			t.Errorf("%d, %v, %v; want %d", head, exists, err, want)
		}
	}
	if head, exists, err := w.store.Head(w.ctx(), uuid.New()); err != nil || exists {
		t.Errorf("no such room: %d, %v, %v", head, exists, err)
	}
	if heads, err := w.store.Heads(w.ctx(), nil); err != nil || len(heads) != 0 {
		t.Errorf("no rooms: %v, %v", heads, err)
	}
}
