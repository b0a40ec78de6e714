package storetest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testRaised: one op of a batch says what a mark grew to, clamped, and none where it did not
// grow.
func testRaised(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	w.append(w.send(0, 0, "x"), w.send(0, 0, "x"), w.send(0, 0, "x"), w.send(1, 0, "x"))
	for i, x := range []struct {
		seqs   []int64
		raised []int64
	}{
		{[]int64{0}, []int64{0}},
		{[]int64{1}, []int64{1}},
		{[]int64{1}, []int64{0}},
		{[]int64{0}, []int64{0}},
		{[]int64{1, 2, 2, 1}, []int64{0, 2, 0, 0}},
		{[]int64{1, 2}, []int64{0, 0}},
		{[]int64{math.MaxInt64}, []int64{3}},
		{[]int64{4}, []int64{0}},
	} {
		var batch []*room.Op
		for _, seq := range x.seqs {
			batch = append(batch, w.read(0, 1, seq))
		}
		w.append(batch...)
		for n, op := range batch {
			w.mustOutcome(op, room.Stored, "")
			if op.Raised != x.raised[n] {
				t.Errorf("batch %d: mark %d raised to %d, want %d", i, x.seqs[n], op.Raised, x.raised[n])
			}
		}
	}
	others := []*room.Op{w.read(0, 2, 1), w.send(0, 0, "x"), w.read(1, 1, 1), w.read(0, 0, 4)}
	w.append(others...)
	for i, want := range []int64{1, 0, 1, 4} {
		if others[i].Raised != want {
			t.Errorf("of several: op %d raised to %d, want %d", i, others[i].Raised, want)
		}
	}
	some := []*room.Op{w.read(0, 1, 2), w.read(0, 2, 3), w.read(1, 1, 1), w.read(1, 0, 1), w.read(0, 0, 3)}
	w.append(some...)
	for i, want := range []int64{0, 3, 0, 1, 0} {
		if some[i].Raised != want {
			t.Errorf("where some grow: op %d raised to %d, want %d", i, some[i].Raised, want)
		}
	}
}

func testMarksOfFew(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	ids := w.ids()
	must := func(r, most int, few bool, want ...protocol.ReadMark) {
		t.Helper()
		got, is, err := w.store.MarksOfFew(w.ctx(), w.rooms[r], most)
		slices.SortFunc(want, func(a, b protocol.ReadMark) int { return bytes.Compare(a.User[:], b.User[:]) })
		for i := range got {
			if got[i].At.Unix() > 0 {
				t.Errorf("%+v has a time", got[i])
			}
			got[i].At = protocol.ReadMark{}.At
		}
		if err != nil || is != few || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("of at most %d: %v, %t, %v; want %v, %t", most, got, is, err, want, few)
		}
	}
	must(0, 3, true)
	must(0, 2, false)
	must(0, 0, false)
	w.append(w.send(0, 0, "x"), w.send(0, 0, "x"), w.read(0, 1, 2), w.read(0, 2, 1), w.send(1, 0, "x"), w.read(1, 0, 1))
	one, two := protocol.ReadMark{User: ids[1], Seq: 2}, protocol.ReadMark{User: ids[2], Seq: 1}
	must(0, 3, true, one, two)
	must(0, 100, true, one, two)
	must(0, 2, false)
	must(1, 3, true, protocol.ReadMark{User: ids[0], Seq: 1})
	w.remove(2) // from all trips: who is none any more counts no more, and is not told of
	must(0, 2, true, one)
	w.app("UPDATE chat_rooms SET last_seq = 1")
	must(0, 2, true, protocol.ReadMark{User: ids[1], Seq: 1})
	if got, few, err := w.store.MarksOfFew(w.ctx(), uuid.New(), 3); err != nil || len(got) != 0 || !few {
		t.Errorf("of a room that is not there: %v, %t, %v", got, few, err)
	}
}

// testReaders: everybody but the sender whose mark is at or beyond the message's number, in
// pages, also who is no collaborator any more.
func testReaders(t *testing.T, open Open) {
	const users = 6
	w := newWorld(t, open, users, 2)
	w.append(w.send(0, 0, "x"), w.send(0, 0, "x"), w.send(0, 0, "x"), w.send(1, 0, "x"), w.read(1, 5, 1))
	w.append(w.read(0, 0, 3), w.read(0, 1, 3), w.read(0, 2, 2), w.read(0, 3, 1), w.read(0, 4, 2))
	must := func(seq int64, limit int, want ...int) {
		t.Helper()
		var ids []uuid.UUID
		for _, u := range want {
			ids = append(ids, w.users[u].ID)
		}
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		q := room.ReadersQuery{Room: w.rooms[0], Sender: w.users[0].ID, Seq: seq, Limit: limit}
		var got []uuid.UUID
		for more := true; more; {
			p, err := w.store.Readers(w.ctx(), q)
			if err != nil || p.Count != len(want) || len(p.Users) > limit || p.HasMore && len(p.Users) != limit {
				t.Fatalf("up to %d: %+v, %v", seq, p, err)
			}
			for _, u := range p.Users {
				if i := slices.IndexFunc(w.users, func(x protocol.User) bool { return x.ID == u.ID }); i < 0 || w.users[i] != u {
					t.Errorf("user %+v", u)
				}
				got = append(got, u.ID)
				q.After = u.ID
			}
			more = p.HasMore
		}
		if !slices.Equal(got, ids) {
			t.Errorf("up to %d: %v, want %v", seq, got, ids)
		}
	}
	for _, limit := range []int{1, 2, 4, 50} {
		must(1, limit, 1, 2, 3, 4)
		must(2, limit, 1, 2, 4)
		must(3, limit, 1)
		must(4, limit)
	}
	w.remove(2)
	must(2, 50, 1, 2, 4)
}

// ids are those of the world's users.
func (w *world) ids() []uuid.UUID {
	ids := make([]uuid.UUID, len(w.users))
	for i := range w.users {
		ids[i] = w.users[i].ID
	}
	return ids
}
