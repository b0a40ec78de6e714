package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// react makes an op: user u sets a reaction to a message of room r, or takes it away.
func (w *world) react(r, u int, id uuid.UUID, emoji string, on bool) *room.Op {
	return w.change(r, u, protocol.Intent{Kind: protocol.KindReact, MessageID: id, Emoji: emoji, On: on})
}

// summary makes an op of the server's own.
func (w *world) summary(r int, id uuid.UUID) *room.Op {
	op := w.change(r, 0, protocol.Intent{Kind: protocol.KindSummary, MessageID: id})
	op.Sender, op.Trip, op.May = protocol.User{}, uuid.Nil, 0
	return op
}

func by(users ...protocol.User) (ids []uuid.UUID) {
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// mustReactions appends ops and then a summary of the message, and compares what that makes of it.
func (w *world) mustReactions(r int, id uuid.UUID, want []protocol.Reaction, ops ...*room.Op) *protocol.Message {
	w.t.Helper()
	made := w.summary(r, id)
	w.append(append(ops, made)...)
	w.mustOutcome(made, room.Stored, "")
	var got []protocol.Reaction
	if made.Message.Extra != nil {
		got = made.Message.Extra.Reactions
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("reactions %v, want %v", got, want)
	}
	w.mustEqual(made.Message)
	return made.Message
}

// mustDue checks which messages have a summary due.
func (w *world) mustDue(want ...uuid.UUID) {
	w.t.Helper()
	due, err := w.store.DueSummaries(w.ctx(), 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []uuid.UUID
	for _, d := range due {
		got = append(got, d.Message)
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("due: %v, want %v", got, want)
	}
}

// testReact: a reaction is a state; it takes no number, and the summary one where something
// differs.
func testReact(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	m := w.stored(w.send(0, 0, "x"))
	first, again := w.react(0, 1, m.ID, "👍", true), w.react(0, 1, m.ID, "👍\ufe0f", true)
	w.append(first)
	w.append(again, w.react(0, 2, m.ID, "❤️", false))
	if first.Seq != 0 || w.head(0) != 1 {
		t.Errorf("a reaction took number %d, head %d", first.Seq, w.head(0))
	}
	w.mustEqual(m)
	w.mustDue(m.ID)
	got := w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "👍", Count: 1, By: by(w.users[1])}})
	want := *m
	want.Rev, want.Extra = 2, &protocol.Extra{Reactions: []protocol.Reaction{{Emoji: "👍", Count: 1, By: by(w.users[1])}}}
	w.same(got, &want)
	w.mustDue()
	walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: 1, Limit: room.Limit{Messages: 10}})
	if err != nil || len(walk.Entries) != 1 || walk.Entries[0].Kind != protocol.KindSummary {
		t.Errorf("the log: %+v, %v", walk, err)
	}
	idle := w.summary(0, m.ID)
	w.append(idle)
	if w.mustOutcome(idle, room.Stored, ""); idle.Seq != 0 || w.head(0) != 2 {
		t.Errorf("a summary that says nothing new took number %d", idle.Seq)
	}
	w.same(idle.Message, got)

	// In the order of the first use, as first given; both forms are one.
	w.append(w.react(0, 2, m.ID, "❤️", true), w.react(0, 1, m.ID, "👍\ufe0f", false), w.react(0, 0, m.ID, "❤", true))
	w.mustDue(m.ID)
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "❤️", Count: 2, By: by(w.users[2], w.users[0])}})
	w.mustReactions(0, m.ID, []protocol.Reaction{
		{Emoji: "❤️", Count: 2, By: by(w.users[2], w.users[0])}, {Emoji: "👍\ufe0f", Count: 1, By: by(w.users[1])},
	}, w.react(0, 1, m.ID, "👍\ufe0f", true))
	last := w.mustReactions(0, m.ID, nil, w.react(0, 1, m.ID, "👍", false), w.react(0, 2, m.ID, "❤", false), w.react(0, 0, m.ID, "❤", false))
	if last.Extra != nil || last.IsEdited || !last.UpdatedAt.Equal(m.UpdatedAt) {
		t.Errorf("%+v", last)
	}
}

// testReactInBatch: of one batch the last counts, also for a message of the same batch.
func testReactInBatch(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	m := w.stored(w.send(0, 0, "x"))
	on := func(emoji string) *room.Op { return w.react(0, 1, m.ID, emoji, true) }
	off := func(emoji string) *room.Op { return w.react(0, 1, m.ID, emoji, false) }
	w.append(on("a"), off("a"))
	w.mustDue()
	kept := on("b")
	w.append(kept, on("c"), off("c"), on("c"), off("c"), on("d"), off("e"))
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "b", Count: 1, By: by(w.users[1])}, {Emoji: "d", Count: 1, By: by(w.users[1])}})
	w.append(off("b"), on("b"), off("b"), on("b")) // is as it was, also since when
	w.mustDue()
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "b", Count: 1, By: by(w.users[1])}, {Emoji: "d", Count: 1, By: by(w.users[1])}})

	fresh := w.send(0, 0, "y")
	w.mustReactions(0, fresh.MessageID, []protocol.Reaction{{Emoji: "a", Count: 1, By: by(w.users[2])}},
		fresh, w.react(0, 2, fresh.MessageID, "a", true))
	// What comes after the summary is due.
	w.append(w.summary(0, m.ID), w.react(0, 2, m.ID, "a", true))
	w.mustDue(m.ID)
	// A reaction and then the delete: nothing is left of it.
	w.append(w.react(0, 2, m.ID, "e", true), w.delete(0, 0, m.ID), w.summary(0, m.ID))
	w.app(fmt.Sprintf(`UPDATE chat_reactions SET message_id = NULL WHERE message_id = '%s'`, m.ID)) // fails where there is one
	w.mustDue()
}

// testReactLimits: 10 of one user, 20 of a message; the one too many is refused alone.
func testReactLimits(t *testing.T, open Open) {
	w := newWorld(t, open, 4, 1)
	m := w.stored(w.send(0, 0, "x"))
	emoji := func(n int) string { return string(rune('a' + n)) }
	for u := range 2 {
		for n := range protocol.OwnEmojiMax {
			op := w.react(0, u, m.ID, emoji(10*u+n), true)
			w.append(op)
			w.mustOutcome(op, room.Stored, "")
		}
	}
	refusedAlone := func(op *room.Op) {
		t.Helper()
		good := w.send(0, 0, "good")
		w.append(op, good)
		w.mustOutcome(op, room.Refused, protocol.CodeTooManyReactions)
		w.mustOutcome(good, room.Stored, "")
	}
	for range 2 { // before and after the summary
		refusedAlone(w.react(0, 0, m.ID, emoji(12), true)) // the user's eleventh
		refusedAlone(w.react(0, 2, m.ID, emoji(20), true)) // the message's twenty-first
		w.append(w.summary(0, m.ID))
	}
	there := w.react(0, 2, m.ID, emoji(3), true)
	w.append(there, w.react(0, 2, m.ID, emoji(20), false))
	w.mustOutcome(there, room.Stored, "")
	// One that the summary has keeps its place until the next.
	gone := w.react(0, 1, m.ID, emoji(19), false)
	w.append(gone)
	refusedAlone(w.react(0, 2, m.ID, emoji(20), true))
	w.append(w.summary(0, m.ID))
	late := w.react(0, 2, m.ID, emoji(20), true)
	w.append(late)
	w.mustOutcome(late, room.Stored, "")
	// Those of one batch count, too.
	other := w.stored(w.send(0, 0, "y"))
	var ops []*room.Op
	for n := range protocol.OwnEmojiMax + 1 {
		ops = append(ops, w.react(0, 3, other.ID, emoji(n), true))
	}
	for n := range protocol.OwnEmojiMax + 1 {
		ops = append(ops, w.react(0, 2, other.ID, emoji(10+n), true))
	}
	w.append(ops...)
	for i, op := range ops {
		want := room.Stored
		if i == 10 || i == 21 {
			want = room.Refused
		}
		w.mustOutcome(op, want, protocol.CodeTooManyReactions)
	}
}

func testReactRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 2)
	m, elsewhere, gone := w.stored(w.send(0, 0, "x")), w.stored(w.send(1, 0, "y")), w.stored(w.send(0, 0, "z"))
	w.append(w.react(0, 1, gone.ID, "a", true), w.summary(0, gone.ID))
	deleted := w.stored(w.delete(0, 0, gone.ID))
	w.remove(2)
	for _, c := range []struct {
		op   *room.Op
		code protocol.Code
	}{
		{w.react(0, 1, elsewhere.ID, "a", true), protocol.CodeNotFound},
		{w.react(0, 1, uuid.New(), "a", true), protocol.CodeNotFound},
		{w.react(0, 1, uuid.Nil, "a", true), protocol.CodeNotFound},
		{w.react(0, 1, gone.ID, "a", true), protocol.CodeNotFound},
		{w.react(0, 1, gone.ID, "a", false), protocol.CodeNotFound},
		{w.react(0, 2, m.ID, "a", true), protocol.CodeForbidden},
		{w.react(0, 1, m.ID, "", true), protocol.CodeInvalidEmoji},
		{w.react(0, 1, m.ID, "a\x00", true), protocol.CodeInvalidEmoji},
		{w.react(0, 1, m.ID, "a\xff", true), protocol.CodeInvalidEmoji},
		{w.summary(0, elsewhere.ID), protocol.CodeNotFound},
		{w.summary(0, uuid.New()), protocol.CodeNotFound},
	} {
		good := w.react(0, 0, m.ID, "good", true)
		w.append(c.op, good)
		w.mustOutcome(c.op, room.Refused, c.code)
		w.mustOutcome(good, room.Stored, "")
	}
	w.mustEqual(elsewhere)
	w.mustEqual(deleted)
	w.mustReactions(0, gone.ID, nil)
}

// testManyReactions: who they are from is told of all or of none, and the counts are the rows'.
func testManyReactions(t *testing.T, open Open) {
	const users = 40
	w := newWorld(t, open, users, 1)
	m := w.stored(w.send(0, 0, "x"))
	named := func(from, to int) []protocol.Reaction {
		return []protocol.Reaction{{Emoji: "a", Count: to - from, By: by(w.users[from:to]...)}}
	}
	for u := range protocol.ReactionsNamedMax {
		w.append(w.react(0, u, m.ID, "a", true))
	}
	w.mustReactions(0, m.ID, named(0, 8))
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 9}}, w.react(0, 8, m.ID, "a", true))
	w.mustReactions(0, m.ID, named(1, 9), w.react(0, 0, m.ID, "a", false))
	for u := 9; u < users; u++ {
		w.append(w.react(0, u, m.ID, "a", true), w.react(0, u, m.ID, []string{"❤", "❤️"}[u%2], true))
	}
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 39}, {Emoji: "❤️", Count: 31}})
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "a", Count: 38}, {Emoji: "❤️", Count: 31}, {Emoji: "b", Count: 1}},
		w.react(0, 1, m.ID, "a", false), w.react(0, 2, m.ID, "b", true))
	var ops []*room.Op
	for u := range users {
		for _, emoji := range []string{"a", "❤"} {
			ops = append(ops, w.react(0, u, m.ID, emoji, u < 3 && emoji == "a"))
		}
	}
	w.mustReactions(0, m.ID, []protocol.Reaction{
		{Emoji: "a", Count: 3, By: []uuid.UUID{w.users[2].ID, w.users[0].ID, w.users[1].ID}}, {Emoji: "b", Count: 1, By: by(w.users[2])},
	}, ops...)
}

// testReplyCount counts answers that are not deleted, up to a point. A tombstone keeps it.
func testReplyCount(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m := w.stored(w.send(0, 0, "x"))
	count := func(want int, ops ...*room.Op) {
		t.Helper()
		made := w.summary(0, m.ID)
		w.append(append(ops, made)...)
		if e := made.Message.Extra; want != 0 && (e == nil || e.ReplyCount != want) || want == 0 && e != nil {
			t.Fatalf("%+v, want %d answers", e, want)
		}
		w.mustEqual(made.Message)
	}
	one := w.stored(w.send(0, 1, "one", replyTo(m.ID)))
	w.mustDue(m.ID)
	count(1)
	w.mustDue()
	two := w.send(0, 1, "two", replyTo(m.ID))
	count(2, two, w.send(0, 1, "not stored", replyTo(uuid.New())))
	three := w.send(0, 1, "three", replyTo(m.ID))
	count(2, three, w.delete(0, 1, three.MessageID))
	w.append(w.delete(0, 1, one.ID))
	w.mustDue(m.ID)
	count(1)
	count(0, w.delete(0, 1, two.MessageID))
	var many []*room.Op
	for range protocol.RepliesMax + 1 {
		many = append(many, w.send(0, 1, "y", replyTo(m.ID)))
	}
	count(protocol.RepliesMax, many...)
	count(protocol.RepliesMax, w.delete(0, 1, many[0].MessageID))
	count(protocol.RepliesMax-1, w.delete(0, 1, many[1].MessageID))
	gone := w.stored(w.delete(0, 0, m.ID))
	if gone.Extra.ReplyCount != protocol.RepliesMax-1 {
		t.Errorf("the tombstone has %+v", gone.Extra)
	}
	count(protocol.RepliesMax-2, w.delete(0, 1, many[2].MessageID))
}

// testOneForm: all who choose an emoji see it in one form, which is the listed one.
func testOneForm(t *testing.T, open Open) {
	w := newWorld(t, open, 4, 1)
	m, other := w.stored(w.send(0, 0, "x")), w.stored(w.send(0, 0, "y"))
	w.append(w.react(0, 0, m.ID, "❤", true), w.react(0, 1, m.ID, "❤\ufe0f", true))
	w.append(w.react(0, 2, m.ID, "❤\ufe0f", true))
	w.mustReactions(0, m.ID, []protocol.Reaction{{Emoji: "❤", Count: 3, By: by(w.users[0], w.users[1], w.users[2])}})
	w.append(w.react(0, 0, other.ID, "❤\ufe0f", true), w.react(0, 0, other.ID, "❤\ufe0f", false), w.react(0, 1, other.ID, "❤", true))
	for u := range 3 {
		own, err := w.store.MyReactions(w.ctx(), room.OwnQuestion{User: w.users[u].ID, Messages: []uuid.UUID{m.ID, other.ID}})
		if err != nil || !slices.Equal(own[m.ID], []string{"❤"}) || len(own[other.ID]) != u%2 {
			t.Errorf("user %d has %q, %v", u, own, err)
		}
	}
	w.mustReactions(0, other.ID, []protocol.Reaction{{Emoji: "❤", Count: 1, By: by(w.users[1])}})
}

// testReactors: who has reacted, in pages, by their ids; which are a user's own; and what there is
// now, whatever the last summary says.
func testReactors(t *testing.T, open Open) {
	w := newWorld(t, open, 12, 1)
	m, other := w.stored(w.send(0, 0, "x")), w.stored(w.send(0, 0, "y"))
	var ops []*room.Op
	for u := range 11 {
		ops = append(ops, w.react(0, u, m.ID, "👍", true))
		if u%3 == 0 {
			ops = append(ops, w.react(0, u, m.ID, "❤\ufe0f", true))
		}
	}
	for i, op := range ops {
		op.At = op.At.Add(time.Duration(i/2) * time.Millisecond) // some at the same time
	}
	w.append(ops...)
	for _, emoji := range []string{"", "👍", "❤"} {
		var want, got []string
		for _, op := range ops {
			if emoji == "" || protocol.EmojiKey(op.Emoji) == emoji {
				want = append(want, op.Sender.Email+op.Emoji)
			}
		}
		q, last := room.ReactorsQuery{Message: m.ID, Emoji: emoji, Limit: 2}, room.ReactorCursor{}
		for more := true; more; {
			page, err := w.store.Reactors(w.ctx(), q)
			if err != nil || len(page.Reactors) == 0 || len(page.Reactors) > 2 {
				t.Fatal(page, err)
			}
			for i := range page.Reactors {
				at := page.Reactors[i].Cursor()
				if order := bytes.Compare(last.User[:], at.User[:]); order > 0 || order == 0 && last.Key >= at.Key {
					t.Errorf("%v comes after %v", at, last)
				}
				last = at
				got = append(got, page.Reactors[i].User.Email+page.Reactors[i].Emoji)
			}
			more, q.After = page.HasMore, page.Reactors[len(page.Reactors)-1].Cursor()
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", emoji, got, want)
		}
	}
	now, err := w.store.Reactions(w.ctx(), m.ID)
	want := []protocol.Reaction{{Emoji: "👍", Count: 11}, {Emoji: "❤\ufe0f", Count: 4}}
	if err != nil || fmt.Sprint(now) != fmt.Sprint(want) {
		t.Errorf("reactions %v, %v; want %v", now, err, want)
	}
	if none, err := w.store.Reactions(w.ctx(), other.ID); err != nil || len(none) != 0 {
		t.Errorf("reactions %v, %v", none, err)
	}
	both := []uuid.UUID{other.ID, m.ID}
	own, err := w.store.OwnReactions(w.ctx(), []room.OwnQuestion{
		{User: w.users[3].ID, Messages: both}, {User: w.users[11].ID, Messages: both}, {User: w.users[1].ID, Messages: both}, {User: w.users[1].ID},
	})
	if err != nil || len(own) != 4 || len(own[0]) != 1 || len(own[0][m.ID]) != 2 || len(own[1]) != 0 || fmt.Sprint(own[2][m.ID]) != "[👍]" || len(own[3]) != 0 {
		t.Errorf("own reactions %v, %v", own, err)
	}
}
