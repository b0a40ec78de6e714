package storetest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testPoison(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	target := w.stored(w.send(0, 0, "target"))
	poison := []struct {
		op   *room.Op
		code protocol.Code
	}{
		{w.send(0, 0, "a\x00b"), protocol.CodeInvalidContent},
		{w.send(0, 0, "\xff\xfe"), protocol.CodeInvalidContent},
		{w.send(0, 0, "cut \xf0\x9f\x98"), protocol.CodeInvalidContent},
		{w.send(0, 0, "surrogate \xed\xa0\x80"), protocol.CodeInvalidContent},
		{w.edit(0, 0, target.ID, "\x00"), protocol.CodeInvalidContent},
		{w.send(0, 0, "x", clientID("a\x00b")), protocol.CodeInvalidClient},
		{w.send(0, 0, "x", clientID("\xff")), protocol.CodeInvalidClient},
		{w.send(0, 0, "x", clientID(strings.Repeat("é", 65))), protocol.CodeInvalidClient},
		{w.send(0, 0, "x", func(op *room.Op) { op.Type = "te\x00t" }), protocol.CodeInvalidType},
		{w.send(0, 0, "x", func(op *room.Op) { op.Type = protocol.MessageType(strings.Repeat("t", 1000)) }), protocol.CodeInvalidType},
	}
	var ops []*room.Op
	for _, p := range poison {
		ops = append(ops, w.send(0, 0, "good"), p.op)
	}
	w.append(ops...)
	for i, op := range ops {
		if i%2 == 0 {
			w.mustOutcome(op, room.Stored, "")
			if want := int64(2 + i/2); op.Message.Seq != want {
				t.Errorf("good op %d has seq %d, want %d", i, op.Message.Seq, want)
			}
			continue
		}
		w.mustOutcome(op, room.Refused, poison[i/2].code)
	}
	w.mustEqual(target)
	if want := int64(1 + len(poison)); w.head(0) != want {
		t.Errorf("head %d, want %d", w.head(0), want)
	}
}

func testSameID(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	before := w.stored(w.send(0, 0, "before"))
	first := w.send(0, 0, "first")
	ops := []*room.Op{
		first,
		w.send(0, 0, "stored before", withID(before.ID)),
		w.send(0, 0, "good"),
		w.send(0, 0, "again in the batch", withID(first.MessageID)),
		w.send(0, 0, "good too"),
	}
	w.append(ops...)
	for i, seq := range []int64{2, 0, 3, 0, 4} {
		if seq == 0 {
			w.mustOutcome(ops[i], room.Refused, protocol.CodeInternal)
			continue
		}
		w.mustOutcome(ops[i], room.Stored, "")
		if got := ops[i].Message.Seq; got != seq {
			t.Errorf("op %d has seq %d, want %d", i, got, seq)
		}
	}
	w.mustEqual(before)
	w.mustEqual(first.Message)
	if w.head(0) != 4 {
		t.Errorf("head %d", w.head(0))
	}
}

func testAnyText(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	huge := w.stored(w.send(0, 0, strings.Repeat("😀", 250_000)))
	w.mustEqual(huge)
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, '\'', '"', '\\', '\n', '{', ',', 'N', 0x7f, 0x80, 0x2028, 0xfeff, 0xfffd, 0xffff, 0x10ffff}), 0, 20, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		content, id := text.Draw(rt, "content"), text.Draw(rt, "client_id")
		op := w.send(0, 0, content, clientID(id))
		before, batch := w.head(0), []*room.Op{op}
		if rapid.Bool().Draw(rt, "among others") {
			batch = []*room.Op{w.send(0, 0, "one before"), op, w.send(0, 0, "one after")}
		}
		w.append(batch...)
		for _, other := range batch {
			if other == op {
				continue
			}
			if before++; other.Outcome != room.Stored {
				rt.Fatalf("%q: outcome %d, %v", other.Content, other.Outcome, other.Err)
			}
		}
		storable := func(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
		if !storable(content) || !storable(id) || utf8.RuneCountInString(id) > protocol.ClientIDRunesMax {
			if op.Outcome != room.Refused || w.head(0) != before {
				rt.Fatalf("outcome %d, head %d → %d", op.Outcome, before, w.head(0))
			}
			return
		}
		if op.Outcome == room.Duplicate { // rapid repeats itself
			if op.Message.ClientID != id || w.head(0) != before {
				rt.Fatalf("a duplicate of %+v", op.Message)
			}
			return
		}
		if op.Outcome != room.Stored || op.Message.Content != content {
			rt.Fatalf("outcome %d %v", op.Outcome, op.Err)
		}
		got, err := w.store.Message(w.ctx(), op.MessageID)
		if err != nil || got.Content != content || got.ClientID != id {
			rt.Fatalf("came back as %q %q, %v", got.Content, got.ClientID, err)
		}
	})
}
