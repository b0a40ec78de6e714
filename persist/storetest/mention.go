package storetest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func extra(e protocol.Extra) func(*room.Op) { return func(op *room.Op) { op.Extra = &e } }

// mustMention checks for whom chat_mentions has a row of a message; zero: everybody.
func (w *world) mustMention(m *protocol.Message, users ...uuid.UUID) {
	w.t.Helper()
	for _, user := range users {
		w.app(fmt.Sprintf("INSERT INTO chat_mentions (user_id, chat_room_id, seq) SELECT user_id, chat_room_id, %d FROM chat_mentions WHERE user_id = '%s' AND chat_room_id = '%s' AND seq = %d",
			-m.Seq, user, m.RoomID, m.Seq)) // found below as often as it is there
	}
	w.app(fmt.Sprintf("UPDATE chat_rooms SET id = NULL WHERE id = '%s' AND %d <> (SELECT count(*) FROM chat_mentions WHERE chat_room_id = '%s' AND seq = %d)",
		m.RoomID, len(users), m.RoomID, -m.Seq))
	w.app(fmt.Sprintf("UPDATE chat_rooms SET id = NULL WHERE id = '%s' AND %d <> (SELECT count(*) FROM chat_mentions WHERE chat_room_id = '%s' AND seq = %d)",
		m.RoomID, len(users), m.RoomID, m.Seq))
	w.app(fmt.Sprintf("DELETE FROM chat_mentions WHERE chat_room_id = '%s' AND seq = %d", m.RoomID, -m.Seq))
}

// testMentions: alone, in a batch, and where many come at once. An edit keeps them, a delete
// does not.
func testMentions(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	a, b := w.users[1].ID, w.users[2].ID
	whole := protocol.Extra{Mentions: []uuid.UUID{b, a}, MentionsAll: true, Data: `{"place":[1.5,"x"]}`}
	alone := w.send(0, 0, "alone", extra(whole), may(protocol.MayAll), clientID("c"))
	m := w.stored(alone)
	if !m.Extra.Equal(&whole) {
		t.Errorf("told with %+v", m.Extra)
	}
	w.mustEqual(m)
	w.mustMention(m, a, b, uuid.Nil)
	again := w.send(0, 0, "another", extra(protocol.Extra{Mentions: []uuid.UUID{w.users[0].ID}}), clientID("c"))
	w.append(again)
	w.mustOutcome(again, room.Duplicate, "")
	w.mustMention(m, a, b, uuid.Nil)

	edited := w.stored(w.edit(0, 0, m.ID, "edited"))
	if !edited.Extra.Equal(&whole) {
		t.Errorf("edited it has %+v", edited.Extra)
	}
	w.mustEqual(edited)
	w.mustMention(m, a, b, uuid.Nil)
	w.stored(w.pin(0, 1, m.ID, true))
	w.mustEqual(w.stored(w.pin(0, 1, m.ID, false)))
	w.mustEqual(w.stored(w.delete(0, 0, m.ID)))
	w.mustMention(m)

	for _, n := range []int{2, 150} { // 150 go by COPY
		var ops []*room.Op
		for i := range n {
			op := w.send(0, 0, "x")
			switch {
			case i%3 == 1:
				op.Extra = &protocol.Extra{Mentions: []uuid.UUID{a}}
			case i%3 == 2:
				op.Extra = &protocol.Extra{Data: `{"i":"é"}`}
			}
			ops = append(ops, op)
		}
		gone := w.delete(0, 0, ops[1].MessageID)
		w.append(append(ops, gone)...)
		for i, op := range ops {
			w.mustOutcome(op, room.Stored, "")
			switch {
			case i == 1:
				w.mustEqual(gone.Message)
				w.mustMention(gone.Message)
			case i < 6:
				w.mustEqual(op.Message)
				if i%3 == 1 {
					w.mustMention(op.Message, a)
				} else {
					w.mustMention(op.Message)
				}
			}
		}
	}
}

func testMentionRefused(t *testing.T, open Open) {
	w := newWorld(t, open, 3, 1)
	w.remove(2)
	many := make([]uuid.UUID, protocol.MentionsMax+1)
	for i := range many {
		many[i] = w.users[1].ID
	}
	for _, c := range []struct {
		extra protocol.Extra
		code  protocol.Code
	}{
		{protocol.Extra{Mentions: []uuid.UUID{uuid.New()}}, protocol.CodeInvalidMention},
		{protocol.Extra{Mentions: []uuid.UUID{w.users[1].ID, w.users[2].ID}}, protocol.CodeInvalidMention},
		{protocol.Extra{Mentions: []uuid.UUID{uuid.Nil}}, protocol.CodeInvalidMention},
		{protocol.Extra{Mentions: many}, protocol.CodeInvalidMention},
		{protocol.Extra{MentionsAll: true}, protocol.CodeNotAllowed},
		{protocol.Extra{Data: `{"a":"\u0000"}`}, protocol.CodeInvalidData},
		{protocol.Extra{Data: `{"a":"\ud800"}`}, protocol.CodeInvalidData},
		{protocol.Extra{Data: `{"a":1e99999}`}, protocol.CodeInvalidData},
		{protocol.Extra{Data: `[]`}, protocol.CodeInvalidData},
		{protocol.Extra{Data: `no JSON`}, protocol.CodeInvalidData},
		{protocol.Extra{Data: "{\"a\":\"\xff\"}"}, protocol.CodeInvalidData},
		{protocol.Extra{Data: "{\"a\":\"\x00\"}"}, protocol.CodeInvalidData},
	} {
		bad, good := w.send(0, 0, "bad", extra(c.extra)), w.send(0, 0, "good", extra(protocol.Extra{Mentions: []uuid.UUID{w.users[1].ID, w.users[0].ID}}))
		bad.May = protocol.MayDefault
		w.append(bad, good)
		w.mustOutcome(bad, room.Refused, c.code)
		w.mustOutcome(good, room.Stored, "")
	}
}

// testData: whatever is let pass is stored, and means the same when it is read.
func testData(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	deep := `{"a":` + strings.Repeat("[", protocol.DataDepthMax-1) + strings.Repeat("]", protocol.DataDepthMax-1) + `}`
	for _, data := range []string{
		`{}`, `{"":""}`, `{"a":1,"a":2}`, `{"b":1,"a":{"y":[],"x":[{},null,true,false]}}`, deep,
		`{"a":[0,-0,1.0,1.50,1e2,1E-2,-1.5e+3,12345678901234567890,0.1234567890123456789]}`, `{"a":1e4000,"b":1e-50}`,
		`{"a":"\" \\ \/ \b \f \n \r \t \u0001 \u001f \u007f \u00e9 \u2028 \ud83d\ude00 😀 \uffff \ufffd"}`,
		`{"` + strings.Repeat("é", 2040) + `":1}`, `{"a":"` + strings.Repeat(`\n`, 2043) + `"}`,
		`{"a":[` + strings.Repeat("[],", 1300) + `[]]}`,
	} {
		if !protocol.StorableData(data) {
			t.Fatalf("%.100s may not be stored", data)
		}
		m := w.stored(w.send(0, 0, "x", extra(protocol.Extra{Data: data})))
		for way, read := range w.inEveryWay(0, m.ID) {
			if read.Extra == nil || !sameJSON(t, read.Extra.Data, data) {
				t.Errorf("%s: %.100s comes back as %+v", way, data, read.Extra)
			} else if n := len(read.Extra.Data); n > protocol.DataBytesMax {
				t.Errorf("%s: %.100s comes back as %d bytes", way, data, n)
			}
		}
	}
}

// sameJSON compares what two texts mean, numbers exactly.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	read := func(text string) (v any) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Errorf("%.100s: %v", text, err)
		}
		return exact(v)
	}
	return reflect.DeepEqual(read(a), read(b))
}

// exact has numbers as fractions.
func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, _ := new(big.Rat).SetString(v.String())
		return n.String()
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = exact(v[key])
		}
	}
	return v
}
