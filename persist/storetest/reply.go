package storetest

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testReply(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 1)
	for _, content := range []string{
		"short",
		strings.Repeat("x", 100),
		strings.Repeat("y", 101),
		strings.Repeat("é", 100) + "z",
		strings.Repeat("😀", 99) + "zz",
		strings.Repeat("e\u0301", 60),
	} {
		runes := []rune(content)
		want := string(runes[:min(len(runes), 100)])

		original := w.stored(w.send(0, 0, content))
		reply := w.stored(w.send(0, 1, "re", replyTo(original.ID)))
		if r := reply.ReplyTo; r == nil || r.ID != original.ID || r.Content != want || r.SenderEmail != w.users[0].Email {
			t.Fatalf("%q: reply %+v", content, r)
		}
		w.mustEqual(reply)

		// An original of the same batch is no different.
		first := w.send(0, 0, content)
		second := w.send(0, 1, "re", replyTo(first.MessageID))
		w.append(first, second)
		if r := second.Message.ReplyTo; r == nil || r.ID != first.MessageID || r.Content != want || r.SenderEmail != w.users[0].Email {
			t.Fatalf("%q: reply in the batch %+v", content, r)
		}
		w.mustEqual(second.Message)
	}

	// A reply shows its original as it is now.
	original := w.stored(w.send(0, 0, "before"))
	w.stored(w.send(0, 1, "re", replyTo(original.ID)))
	edit, again := w.edit(0, 0, original.ID, "after"), w.send(0, 1, "re 2", replyTo(original.ID))
	w.append(edit, again)
	if got := again.Message.ReplyTo.Content; got != "after" {
		t.Errorf("reply after the edit shows %q", got)
	}
	page := w.since(0, 0, 100)
	for _, m := range page.Messages {
		if m.ReplyTo != nil && m.ReplyTo.ID == original.ID && m.ReplyTo.Content != "after" {
			t.Errorf("%q shows %q", m.Content, m.ReplyTo.Content)
		}
	}
}

func testInvalidReply(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 2)
	elsewhere := w.stored(w.send(1, 0, "elsewhere"))
	later := w.send(0, 0, "later")
	inBatch := w.send(1, 0, "elsewhere too")
	ops := []*room.Op{
		w.send(0, 0, "none", replyTo(uuid.New())),
		w.send(0, 0, "elsewhere", replyTo(elsewhere.ID)),
		w.send(0, 0, "not yet", replyTo(later.MessageID)),
		later,
		inBatch,
		w.send(0, 0, "elsewhere in the batch", replyTo(inBatch.MessageID)),
	}
	w.append(ops...)
	for _, i := range []int{0, 1, 2, 5} {
		w.mustOutcome(ops[i], room.Refused, protocol.CodeInvalidReply)
	}
	w.mustOutcome(later, room.Stored, "")
	if w.head(0) != 1 {
		t.Errorf("head %d, want 1", w.head(0))
	}
}
