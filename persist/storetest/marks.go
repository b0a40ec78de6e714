package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// read makes an op: user u has read room r up to a number.
func (w *world) read(r, u int, seq int64) *room.Op {
	return w.change(r, u, protocol.Intent{Kind: protocol.KindRead, UpTo: seq})
}

// mustRead checks how far user u has read room r, and what is unread.
func (w *world) mustRead(r, u int, seq int64, unread int) {
	w.t.Helper()
	got, err := w.store.Reading(w.ctx(), w.rooms[r], w.users[u].ID)
	if err != nil || got.Seq != seq || got.Unread != unread {
		w.t.Fatalf("user %d has read room %d as %+v, %v; want %d, %d unread", u, r, got, err, seq, unread)
	}
}

// mustMark checks that the marks of room r are as many, and when that of user u grew last.
func (w *world) mustMark(r, u, marks int, at time.Time) {
	w.t.Helper()
	page, err := w.store.ReadMarks(w.ctx(), w.rooms[r], uuid.Nil, 200)
	i := slices.IndexFunc(page.Marks, func(m protocol.ReadMark) bool { return m.User == w.users[u].ID })
	if err != nil || len(page.Marks) != marks || i < 0 || !page.Marks[i].At.Equal(at) {
		w.t.Fatalf("marks %+v, %v; want %d, that of user %d of %v", page, err, marks, u, at)
	}
}

// testMarks: the greatest value stays, in whatever order and whatever batches they come,
// and no mark takes a number.
func testMarks(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	for range 5 {
		w.append(w.send(0, 0, "x"), w.send(1, 0, "x"))
	}
	w.mustRead(0, 1, 0, 5)
	w.mustRead(0, 0, 0, 0)
	if own, err := w.store.Reading(w.ctx(), w.rooms[0], w.users[0].ID); err != nil || own.Looked != 5 {
		t.Errorf("%+v, %v: own messages are looked at, too", own, err)
	}
	first := w.read(0, 1, 3)
	w.append(first)
	w.mustOutcome(first, room.Stored, "")
	if first.Seq != 0 {
		t.Errorf("a mark took number %d", first.Seq)
	}
	w.mustRead(0, 1, 3, 2)
	for _, seq := range []int64{3, 2, 0, 1} {
		late := w.read(0, 1, seq)
		late.At = late.At.Add(time.Second)
		w.append(late)
		w.mustOutcome(late, room.Stored, "")
	}
	w.mustRead(0, 1, 3, 2)
	w.mustMark(0, 1, 1, first.At) // what changes nothing leaves no trace

	batch := []*room.Op{w.read(0, 1, 2), w.read(0, 2, 4), w.read(0, 1, 5), w.send(0, 0, "x"), w.read(1, 1, 1), w.read(0, 1, 4), w.read(0, 2, 0)}
	for i, op := range batch {
		op.At = op.At.Add(time.Duration(i) * time.Second)
	}
	w.append(batch...)
	for _, op := range batch {
		w.mustOutcome(op, room.Stored, "")
	}
	w.mustRead(0, 1, 5, 1)
	w.mustRead(0, 2, 4, 2)
	w.mustRead(1, 1, 1, 4)
	w.mustMark(0, 1, 2, batch[2].At)
	if w.head(0) != 6 || w.head(1) != 5 {
		t.Errorf("heads %d, %d", w.head(0), w.head(1))
	}
	page, err := w.store.ReadMarks(w.ctx(), w.rooms[0], uuid.Nil, 1)
	if err != nil || len(page.Marks) != 1 || !page.HasMore {
		t.Fatalf("%+v, %v", page, err)
	}
	rest, err := w.store.ReadMarks(w.ctx(), w.rooms[0], page.Marks[0].User, 1)
	if err != nil || len(rest.Marks) != 1 || rest.HasMore || bytes.Compare(rest.Marks[0].User[:], page.Marks[0].User[:]) <= 0 {
		t.Errorf("%+v, %v", rest, err)
	}
}

// testMarkClamp: nobody has read what there is not yet, also where the number grows in the
// batch, and where it was set back.
func testMarkClamp(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	for _, seq := range []int64{0, 1, 1 << 60} { // the room is empty
		w.append(w.read(0, 1, seq))
	}
	w.mustRead(0, 1, 0, 0)
	if page, err := w.store.ReadMarks(w.ctx(), w.rooms[0], uuid.Nil, 10); err != nil || len(page.Marks) != 0 {
		t.Errorf("marks of an empty room: %+v, %v", page, err)
	}
	w.append(w.send(0, 0, "x"), w.read(0, 1, 1<<62), w.send(0, 0, "x"))
	w.mustRead(0, 1, 1, 1)
	w.append(w.read(0, 1, 99))
	w.mustRead(0, 1, 2, 0)
	w.append(w.send(0, 0, "x"))
	w.mustRead(0, 1, 2, 1)
	w.append(w.read(0, 1, 3))
	w.app("DELETE FROM chat_messages WHERE seq = 3")
	w.app("UPDATE chat_rooms SET last_seq = 2")
	w.mustRead(0, 1, 2, 0)
	w.mustMark(0, 1, 1, func() time.Time {
		page, err := w.store.ReadMarks(w.ctx(), w.rooms[0], uuid.Nil, 10)
		if err != nil || page.Marks[0].Seq != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Marks[0].At
	}())
	if got, err := w.store.Reading(w.ctx(), uuid.New(), w.users[1].ID); err != nil || got != (room.Reading{}) {
		t.Errorf("in a room that is not there: %+v, %v", got, err)
	}
}

func testMarkRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	w.append(w.send(0, 0, "x"), w.send(0, 0, "x"))
	w.append(w.read(0, 1, 1))
	w.remove(1)
	elsewhere := w.read(0, 0, 1)
	elsewhere.Room = uuid.New()
	ops := []*room.Op{w.read(0, 1, 2), w.read(0, 2, 2), elsewhere}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Refused, protocol.CodeForbidden)
	w.mustOutcome(ops[1], room.Stored, "")
	w.mustOutcome(ops[2], room.Refused, protocol.CodeForbidden)
	w.mustRead(0, 1, 1, 1)
	w.mustRead(0, 2, 2, 0)
}

// testMarkRace has a user read on several devices at once, each going up by itself, while
// others write.
func testMarkRace(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	const devices, steps = 5, 20
	var ops []*room.Op
	for range steps {
		ops = append(ops, w.send(0, 0, "x"), w.send(1, 0, "x"))
	}
	w.append(ops...)
	var running sync.WaitGroup
	for d := range devices {
		running.Go(func() {
			for n := range int64(steps) {
				batch := []*room.Op{w.read(0, 1, n+1-int64(d%2)), w.read(1, 1, n-1), w.read(0, 2, n)}
				if d%2 == 0 {
					slices.Reverse(batch)
				}
				if err := w.store.Append(t.Context(), batch, room.Within{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	w.mustRead(0, 1, steps, 0)
	w.mustRead(0, 2, steps-1, 1)
	w.mustRead(1, 1, steps-2, 2)
}

// testUnread: of so many messages those of others count, up to so many, and where none is
// among the many that were looked at, and there are more, one.
func testUnread(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	own := func(n int) {
		var ops []*room.Op
		for range n {
			ops = append(ops, w.send(0, 1, "own"))
		}
		w.append(ops...)
	}
	own(protocol.UnreadLookedMax)
	w.mustRead(0, 1, 0, 0)
	own(1)
	w.mustRead(0, 1, 0, 1) // perhaps
	w.append(w.read(0, 1, 1))
	w.mustRead(0, 1, 1, 0)
	w.append(w.send(0, 0, "x"))
	w.mustRead(0, 1, 1, 1)
	w.append(w.read(0, 1, 2))
	w.mustRead(0, 1, 2, 1)
	w.mustRead(0, 2, 0, protocol.UnreadMax)

	system := w.send(1, 0, "joined")
	system.Type = "system"
	w.append(system, w.send(1, 1, "x"), w.edit(1, 0, system.MessageID, "again"))
	w.mustRead(1, 1, 0, 1)
	w.mustRead(1, 2, 0, 2)
	w.append(w.read(1, 2, 1))
	w.mustRead(1, 2, 1, 1)
	w.append(w.read(1, 2, 3))
	w.mustRead(1, 2, 3, 0)
}

// modelRow is a number of the log, as counting unread ones needs it.
type modelRow struct {
	sender   int // -1: a change
	deleted  bool
	reacted  bool
	mentions [3]bool // users
}

// testMarksModel compares with a map of the greatest values, and with a list of what there
// is, over random batches.
func testMarksModel(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 0)
	rapid.Check(t, func(rt *rapid.T) {
		r := w.addRoom()
		var rows []modelRow // by seq
		var ids []uuid.UUID // of messages; zero: of a change
		marks := make([]int64, len(w.users))
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			var batch []*room.Op
			note := func(op *room.Op, row modelRow) {
				id := uuid.Nil
				if row.sender >= 0 {
					id = op.MessageID
				}
				batch, rows, ids = append(batch, op), append(rows, row), append(ids, id)
			}
			for range rapid.IntRange(1, 8).Draw(rt, "ops") {
				u := rapid.IntRange(0, len(w.users)-1).Draw(rt, "user")
				at := rapid.IntRange(0, max(0, len(rows)-1)).Draw(rt, "which")
				there := len(rows) > 0 && rows[at].sender >= 0 && !rows[at].deleted
				switch what := rapid.IntRange(0, 6).Draw(rt, "what"); {
				case what == 0 && there:
					note(w.edit(r, rows[at].sender, ids[at], fmt.Sprint("edited ", len(rows))), modelRow{sender: -1})
				case what == 1 && there:
					rows[at].deleted = true
					note(w.delete(r, rows[at].sender, ids[at]), modelRow{sender: -1})
				case what == 2 && there: // which takes no number, but its summary does
					batch = append(batch, w.react(r, u, ids[at], "👍", rapid.Bool().Draw(rt, "on")))
				case what == 3 && there && !rows[at].reacted: // one that changes something, for sure
					rows[at].reacted = true
					batch = append(batch, w.react(r, u, ids[at], "x", true))
					note(w.summary(r, ids[at]), modelRow{sender: -1})
				case what <= 4:
					op, row := w.send(r, u, "x"), modelRow{sender: u}
					op.May = protocol.MayAll
					switch n := rapid.IntRange(0, 5).Draw(rt, "mentions"); {
					case n < 3:
						op.Extra, row.mentions[n] = &protocol.Extra{Mentions: []uuid.UUID{w.users[n].ID}, MentionsAll: n == u}, true
						if n == u {
							row.mentions = [3]bool{true, true, true}
						}
					case n == 3:
						op.Extra, row.mentions = &protocol.Extra{MentionsAll: true}, [3]bool{true, true, true}
					}
					note(op, row)
				default:
					head := int64(len(rows))
					seq := rapid.Int64Range(0, head+2).Draw(rt, "seq")
					marks[u] = max(marks[u], min(seq, head))
					batch = append(batch, w.read(r, u, seq))
				}
			}
			w.append(batch...)
			for u, mark := range marks {
				want := room.Reading{Seq: mark, Looked: len(rows[mark:])}
				for _, row := range rows[mark:] {
					if row.sender >= 0 && row.sender != u && !row.deleted {
						want.Unread++
						if row.mentions[u] {
							want.Mentions++
						}
					}
				}
				got, err := w.store.Reading(w.ctx(), w.rooms[r], w.users[u].ID)
				if err != nil || got != want {
					rt.Fatalf("user %d: %+v, %v; want %+v", u, got, err, want)
				}
				w.mustList(r, u, want)
			}
		}
		if w.head(r) != int64(len(rows)) {
			rt.Fatalf("head %d, want %d", w.head(r), len(rows))
		}
	})
}

// mustList checks that the list of user u's rooms says the same of room r.
func (w *world) mustList(r, u int, want room.Reading) {
	w.t.Helper()
	after := w.rooms[r]
	for i := len(after) - 1; ; i-- { // the id before it
		if after[i]--; after[i] != 0xff {
			break
		}
	}
	page, err := w.store.Rooms(w.ctx(), w.users[u].ID, after, room.Limit{Messages: 1})
	if err != nil || len(page.Rooms) != 1 || page.Rooms[0].ID != w.rooms[r] || page.Rooms[0].Reading != want {
		w.t.Fatalf("user %d: the list says %+v, %v; want %+v", u, page.Rooms, err, want)
	}
}

// testMentionsCounted: up to so many, once a message, none of one's own, none that is read or
// deleted, and none that was deleted by a node that knows no mentions.
func testMentionsCounted(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	all := may(protocol.MayAll)
	mention := func(r, u int, e protocol.Extra) *protocol.Message {
		t.Helper()
		return w.stored(w.send(r, u, "x", all, extra(e)))
	}
	user := []uuid.UUID{w.users[1].ID}
	must := func(r, unread, mentions int) {
		t.Helper()
		got, err := w.store.Reading(w.ctx(), w.rooms[r], w.users[1].ID)
		if err != nil || got.Unread != unread || got.Mentions != mentions {
			t.Fatalf("%+v, %v; want %d unread, %d mentions", got, err, unread, mentions)
		}
		w.mustList(r, 1, got)
	}
	must(0, 0, 0)
	mention(0, 0, protocol.Extra{Mentions: user, MentionsAll: true})
	mention(0, 1, protocol.Extra{Mentions: user, MentionsAll: true})
	mention(1, 0, protocol.Extra{Mentions: user})
	must(0, 1, 1)
	m := mention(0, 0, protocol.Extra{Mentions: user})
	mention(0, 0, protocol.Extra{Mentions: []uuid.UUID{w.users[0].ID}})
	must(0, 3, 2)
	w.stored(w.edit(0, 0, m.ID, "edited"))
	must(0, 3, 2)
	w.stored(w.delete(0, 0, m.ID))
	must(0, 2, 1)
	last := mention(0, 0, protocol.Extra{MentionsAll: true})
	w.append(w.read(0, 1, 1))
	must(0, 2, 1)
	w.setRow(last.ID, "deleted_at = '2026-01-02 03:04:05'")
	must(0, 1, 0)
	must(1, 1, 1)

	var many []*room.Op
	for range protocol.MentionsCountedMax + 5 {
		many = append(many, w.send(1, 0, "x", all, extra(protocol.Extra{MentionsAll: true})))
	}
	w.append(many...)
	must(1, protocol.UnreadMax, protocol.MentionsCountedMax)
}
