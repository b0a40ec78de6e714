package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// modelDelete: who wrote a message may delete it, and so may who moderates.
var modelDelete = change{
	intent: func(string) protocol.Intent { return protocol.Intent{} },
	may: func(x *protocol.Message, op *room.Op) bool {
		return op.May.Has(protocol.MayModerate) || x.Sender.ID == op.Sender.ID && op.May.Has(protocol.MayDelete)
	},
	idle: func(x *protocol.Message, _ *room.Op) bool { return x.Deleted() },
	do: func(x *protocol.Message, op *room.Op) {
		by := protocol.DeletedByModerator
		if x.Sender.ID == op.Sender.ID {
			by = protocol.DeletedBySender
		}
		x.Content, x.UpdatedAt = "", op.At
		x.WithExtra(func(e *protocol.Extra) {
			*e = protocol.Extra{DeletedAt: op.At, DeletedBy: by, ReplyCount: e.ReplyCount}
		})
	},
}

func (w *world) delete(r, u int, id uuid.UUID, with ...func(*room.Op)) *room.Op {
	op := w.change(r, u, protocol.Intent{Kind: protocol.KindDelete, MessageID: id})
	for _, change := range with {
		change(op)
	}
	return op
}

func may(p protocol.Permissions) func(*room.Op) { return func(op *room.Op) { op.May = p } }

// noContent checks that a text is in no column of a message's row.
func (w *world) noContent(id uuid.UUID, text string) {
	w.t.Helper()
	// The statement fails where there is such a row: there is no other way to ask the application.
	w.app(fmt.Sprintf(`UPDATE chat_messages SET id = NULL WHERE id = '%s' AND (content <> '' OR CAST(extra AS text) LIKE '%%%s%%')`, id, text))
}

func testDelete(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	original := w.stored(w.send(0, 1, "original"))
	m := w.stored(w.send(0, 0, "secret", clientID("c"), replyTo(original.ID)))
	answer := w.stored(w.send(0, 1, "answer", replyTo(m.ID)))
	op := w.delete(0, 0, m.ID)
	op.At = op.At.Add(time.Second)
	deleted := w.stored(op)
	want := *m
	want.Content, want.UpdatedAt, want.Rev = "", op.At, 4
	want.Extra = &protocol.Extra{DeletedAt: op.At, DeletedBy: protocol.DeletedBySender}
	w.same(deleted, &want)
	w.mustEqual(&want)
	w.noContent(m.ID, "secret")
	for way, quoting := range w.inEveryWay(0, answer.ID) {
		if r := quoting.ReplyTo; *r != (protocol.Reply{ID: m.ID, SenderEmail: w.users[0].Email, Deleted: true}) {
			t.Errorf("%s quotes %+v", way, r)
		}
	}
	walk, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: w.rooms[0], After: 3, Limit: room.Limit{Messages: 10}})
	if err != nil || len(walk.Entries) != 1 || walk.Entries[0].Kind != protocol.KindDelete || walk.Entries[0].Row != op.Row {
		t.Errorf("the log: %+v, %v", walk, err)
	}
	again := w.send(0, 0, "secret", clientID("c"))
	w.append(again)
	w.mustOutcome(again, room.Duplicate, "")
	w.same(again.Message, &want)

	// In the batch that made it: the text is never stored.
	fresh := w.send(0, 0, "fresh secret", clientID("d"))
	quoting := w.send(0, 1, "answer 2", replyTo(fresh.MessageID))
	gone := w.delete(0, 0, fresh.MessageID)
	late := w.send(0, 0, "fresh secret", clientID("d"))
	w.append(fresh, quoting, gone, late)
	w.mustOutcome(gone, room.Stored, "")
	w.mustEqual(gone.Message)
	w.noContent(fresh.MessageID, "secret")
	w.mustOutcome(late, room.Duplicate, "")
	w.same(late.Message, gone.Message)
	if w.head(0) != 7 {
		t.Errorf("head %d", w.head(0))
	}
}

// testDeleteTwice: also in one batch, and by others.
func testDeleteTwice(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m, other := w.stored(w.send(0, 0, "x")), w.stored(w.send(0, 0, "y"))
	deleted := w.stored(w.delete(0, 0, m.ID))
	moderator := w.delete(0, 1, m.ID, may(protocol.MayAll))
	ops := []*room.Op{w.delete(0, 0, m.ID), w.delete(0, 0, other.ID), w.delete(0, 0, other.ID), moderator}
	w.append(ops...)
	for i, seq := range []int64{0, 4, 0, 0} {
		w.mustOutcome(ops[i], room.Stored, "")
		if ops[i].Seq != seq {
			t.Errorf("op %d took number %d, want %d", i, ops[i].Seq, seq)
		}
	}
	w.same(ops[0].Message, deleted)
	w.same(ops[2].Message, ops[1].Message)
	w.same(moderator.Message, deleted)
	w.mustEqual(deleted)
	alone := w.delete(0, 0, m.ID)
	w.append(alone)
	w.mustOutcome(alone, room.Stored, "")
	if w.head(0) != 4 {
		t.Errorf("head %d", w.head(0))
	}
}

func testDeleteRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	mine, theirs := w.stored(w.send(0, 0, "mine")), w.stored(w.send(0, 1, "theirs"))
	elsewhere := w.stored(w.send(1, 0, "elsewhere"))
	none, noModerator := may(0), may(protocol.MayAll&^protocol.MayModerate)
	for _, c := range []struct {
		op   *room.Op
		code protocol.Code
	}{
		{w.delete(0, 0, theirs.ID), protocol.CodeNotFound},
		{w.delete(0, 0, theirs.ID, noModerator), protocol.CodeNotFound},
		{w.delete(0, 0, uuid.New(), may(protocol.MayAll)), protocol.CodeNotFound},
		{w.delete(0, 0, elsewhere.ID, may(protocol.MayAll)), protocol.CodeNotFound},
		{w.delete(0, 0, mine.ID, none), protocol.CodeNotAllowed},
		{w.delete(0, 0, theirs.ID, none), protocol.CodeNotFound},
	} {
		good := w.send(0, 0, "good")
		w.append(c.op, good)
		w.mustOutcome(c.op, room.Refused, c.code)
		w.mustOutcome(good, room.Stored, "")
	}
	for _, m := range []*protocol.Message{mine, theirs, elsewhere} {
		w.mustEqual(m)
	}
	moderator := may(protocol.MayModerate)
	own, others := w.stored(w.delete(0, 0, mine.ID, moderator)), w.stored(w.delete(0, 0, theirs.ID, moderator))
	if own.Extra.DeletedBy != protocol.DeletedBySender || others.Extra.DeletedBy != protocol.DeletedByModerator {
		t.Errorf("deleted by %q, %q", own.Extra.DeletedBy, others.Extra.DeletedBy)
	}
	w.mustEqual(others)
	unknown := w.delete(0, 0, mine.ID)
	unknown.Row = uuid.Nil
	w.append(unknown)
	w.mustOutcome(unknown, room.Refused, protocol.CodeInternal)
}

// testDeletedIsNotFound: what comes after the delete, in the same batch or later.
func testDeletedIsNotFound(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m := w.stored(w.send(0, 0, "x"))
	for _, first := range [][]*room.Op{{w.delete(0, 0, m.ID)}, nil} {
		edit, reply := w.edit(0, 0, m.ID, "y"), w.send(0, 1, "answer", replyTo(m.ID))
		w.append(append(first, edit, reply)...)
		w.mustOutcome(edit, room.Refused, protocol.CodeNotFound)
		w.mustOutcome(reply, room.Refused, protocol.CodeInvalidReply)
	}
	if w.head(0) != 2 {
		t.Errorf("head %d", w.head(0))
	}
	// And before: the edit counts, and the answer stays.
	m = w.stored(w.send(0, 0, "x"))
	edit, reply, gone := w.edit(0, 0, m.ID, "y"), w.send(0, 1, "answer", replyTo(m.ID)), w.delete(0, 0, m.ID)
	w.append(edit, reply, gone)
	for i, op := range []*room.Op{edit, reply, gone} {
		w.mustOutcome(op, room.Stored, "")
		if op.Seq != int64(4+i) {
			t.Errorf("op %d has number %d", i, op.Seq)
		}
	}
	if !gone.Message.IsEdited || gone.Message.Content != "" || !strings.HasPrefix(reply.Message.ReplyTo.Content, "y") {
		t.Errorf("%+v, quoted as %+v", gone.Message, reply.Message.ReplyTo)
	}
	w.mustEqual(gone.Message)
}

// testDeleteRows: those of its reactions and mentions go, and those of others stay.
func testDeleteRows(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	m, other := w.stored(w.send(0, 0, "x")), w.stored(w.send(0, 0, "y"))
	user := w.users[1].ID.String()
	for _, x := range []*protocol.Message{m, other} {
		w.setRow(x.ID, `extra = '{"mentions":["`+user+`"],"mentions_all":true}'`)
		for _, member := range []string{user, uuid.Nil.String()} {
			w.app(fmt.Sprintf("INSERT INTO chat_mentions (user_id, chat_room_id, seq) VALUES ('%s', '%s', %d)", member, w.rooms[0], x.Seq))
			w.app(fmt.Sprintf("INSERT INTO chat_reactions (message_id, user_id, emoji, shown, created_at) VALUES ('%s', '%s', 'x', 'x', '2026-01-02')", x.ID, member))
		}
	}
	deleted := w.stored(w.delete(0, 0, m.ID))
	if !deleted.Extra.Equal(&protocol.Extra{DeletedAt: deleted.Extra.DeletedAt, DeletedBy: protocol.DeletedBySender}) {
		t.Errorf("left is %+v", deleted.Extra)
	}
	w.mustEqual(deleted)
	for _, gone := range []string{
		fmt.Sprintf("INSERT INTO chat_mentions (user_id, chat_room_id, seq) SELECT user_id, chat_room_id, %d FROM chat_mentions WHERE seq = %d", m.Seq, other.Seq),
		fmt.Sprintf("INSERT INTO chat_reactions (message_id, user_id, emoji, shown, created_at) SELECT '%s', user_id, emoji, shown, created_at FROM chat_reactions WHERE message_id = '%s'", m.ID, other.ID),
	} {
		w.app(gone) // fails where one is left, as then it is there twice
	}
	w.noContent(m.ID, user)
}
