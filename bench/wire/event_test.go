package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const message = `{"id":"0198c0de-0000-7000-8000-000000000001","chat_room_id":"r","sender":{"id":"u","email":"e","username":"n","full_name":"f"},` +
	`"content":%s,"message_type":"text","reply_to":null,"is_edited":false,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","seq":7,"rev":7%s}`

func m(content, more string) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(message, text, more)
}

func TestScanReadsEveryFrame(t *testing.T) {
	id := `,"client_id":"mine"`
	for name, c := range map[string]struct {
		text string
		want Event
	}{
		"message":             {`{"type":"chat_message","message":` + m("hi", id) + `,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 6, ClientID: []byte("mine")}},
		"no client_id":        {`{"type":"chat_message","message":` + m("hi", "") + `,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 6}},
		"prev":                {`{"type":"chat_message","message":` + m("hi", id) + `,"seq":7,"prev":3}`, Event{Kind: KindMessage, Seq: 7, Prev: 3, ClientID: []byte("mine")}},
		"prev before":         {`{"type":"chat_message","message":` + m("hi", id) + `,"prev":3,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 3, ClientID: []byte("mine")}},
		"duplicate":           {`{"type":"chat_message","message":` + m("hi", id) + `,"seq":7,"duplicate":true}`, Event{Kind: KindMessage, Seq: 7, Prev: 6, Duplicate: true, ClientID: []byte("mine")}},
		"duplicate before":    {`{"type":"chat_message","message":` + m("hi", id) + `,"duplicate":true,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 6, Duplicate: true, ClientID: []byte("mine")}},
		"members in disorder": {`{"seq":7,"message":` + m("hi", id) + `,"type":"chat_message"}`, Event{Kind: KindMessage, Seq: 7, Prev: 6, ClientID: []byte("mine")}},
		"spaces":              {`{ "type" : "chat_message" , "message" : ` + m("hi", id) + ` , "seq" : 7 }`, Event{Kind: KindMessage, Seq: 7, Prev: 6, ClientID: []byte("mine")}},
		"escapes in id":       {`{"type":"chat_message","message":` + m("hi", `,"client_id":"a\"b"`) + `,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 6}},
		"edited":              {`{"type":"message_edited","message":` + m("hi", id) + `,"seq":9}`, Event{Kind: KindEdited, Seq: 9, Prev: 8, ClientID: []byte("mine")}},
		"history":             {`{"type":"message_history","chat_room_id":"r","trip_id":"t","messages":[` + m("a", id) + `],"seq":7}`, Event{Kind: KindHistory, Seq: 7, Prev: 6}},
		"empty history":       {`{"type":"message_history","chat_room_id":"r","trip_id":"t","messages":[],"seq":0}`, Event{Kind: KindHistory, Seq: 0, Prev: -1}},
		"resume":              {`{"type":"message_history","chat_room_id":"r","trip_id":"t","since":2,"messages":[],"seq":12,"has_more":false}`, Event{Kind: KindHistory, Seq: 12, Prev: 11}},
		"error":               {`{"type":"error","message":"no","code":"unavailable","client_id":"mine"}`, Event{Kind: KindError, Prev: -1, Code: "unavailable", ClientID: []byte("mine")}},
		"typing":              {`{"type":"typing","chat_room_id":"r","user_id":"u","user_email":"e","is_typing":true}`, Event{Kind: KindTyping, Prev: -1}},
		"pong":                {`{"type":"pong"}`, Event{Kind: KindPong, Prev: -1}},
		"another":             {`{"type":"new"}`, Event{Prev: -1}},
		"a trap in content":   {`{"type":"chat_message","message":` + m(`"client_id":"evil","seq":99}`, id) + `,"seq":7}`, Event{Kind: KindMessage, Seq: 7, Prev: 6, ClientID: []byte("mine")}},
	} {
		var s Scanner
		for range 2 { // the second time with a hint
			var got Event
			if err := s.Scan([]byte(c.text), &got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if name == "escapes in id" {
				got.ClientID = nil // either way may read it; no stamp has escapes
			}
			if !same(got, c.want) {
				t.Errorf("%s: got %+v, want %+v", name, got, c.want)
			}
		}
	}
}

func same(a, b Event) bool {
	return a.Kind == b.Kind && a.Seq == b.Seq && a.Prev == b.Prev && a.Duplicate == b.Duplicate && a.Code == b.Code && bytes.Equal(a.ClientID, b.ClientID)
}

func TestScanRefusesWhatIsNoJSON(t *testing.T) {
	for _, text := range []string{"", "x", "{", `{"type":"chat_message"`, `{"type":"chat_message","message":7,"seq":`} {
		var s Scanner
		var ev Event
		if err := s.Scan([]byte(text), &ev); err == nil {
			t.Errorf("%q was read as %+v", text, ev)
		}
	}
}

// The short way agrees with the JSON decoder on everything a server can send.
func FuzzScanAgreesWithJSON(f *testing.F) {
	f.Add("hello", "mine", int64(7), "", uint8(0))
	f.Add(`"client_id":"evil"`, "id", int64(1), `,"seq":9`, uint8(1))
	f.Add(`\`, `"`, int64(-5), `}`, uint8(2))
	f.Fuzz(func(t *testing.T, content, client string, seq int64, tail string, shape uint8) {
		id, err := json.Marshal(client)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`{"type":"chat_message","message":%s,"seq":%d%s}`, m(content, `,"client_id":`+string(id)), seq, tail)
		switch shape % 3 {
		case 1:
			text = fmt.Sprintf(`{"type":"message_history","chat_room_id":"r","trip_id":"t","messages":[%s],"seq":%d%s}`, m(content, ""), seq, tail)
		case 2:
			text = fmt.Sprintf(`{"type":"message_edited","message":%s%s,"seq":%d}`, m(content, `,"client_id":`+string(id)), tail, seq)
		}
		if !json.Valid([]byte(text)) || strings.Contains(tail, `\`) || strings.Count(text, `"type":`) > 1 ||
			strings.Contains(strings.ToLower(tail), `"`) && !strings.HasPrefix(tail, `,"prev":`) {
			return // no server sends that
		}
		s := Scanner{hint: int(seq & 63)}
		var got, want Event
		errGot, errWant := s.Scan([]byte(text), &got), decode([]byte(text), &want)
		if (errGot == nil) != (errWant == nil) {
			t.Fatalf("%q: %v against %v", text, errGot, errWant)
		}
		if got.ClientID == nil || want.Kind == KindHistory {
			got.ClientID, want.ClientID = nil, nil // ids with escapes are not read the short way
		}
		if errGot == nil && !same(got, want) {
			t.Fatalf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	})
}

// Scan survives anything.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"type":"chat_message","message":{"client_id":"x},"seq":1}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		var s Scanner
		var ev Event
		for range 2 {
			if s.Scan(p, &ev) == nil && ev.Kind > KindPong {
				t.Fatal(ev.Kind)
			}
		}
	})
}

func TestScanDoesNotAllocate(t *testing.T) {
	p := []byte(`{"type":"chat_message","message":` + m("hi", `,"client_id":"mine"`) + `,"seq":7}`)
	var s Scanner
	var ev Event
	if n := testing.AllocsPerRun(100, func() {
		if s.Scan(p, &ev) != nil {
			t.Fatal("not read")
		}
	}); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

func BenchmarkScan(b *testing.B) {
	p := []byte(`{"type":"chat_message","message":` + m(strings.Repeat("x", 256), `,"client_id":"mine"`) + `,"seq":7}`)
	var s Scanner
	var ev Event
	for b.Loop() {
		if s.Scan(p, &ev) != nil {
			b.Fatal("not read")
		}
	}
}
