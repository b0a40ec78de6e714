package protocol

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
)

// scanSeeds are JSON texts, and texts that nearly are.
var scanSeeds = []string{
	`{}`, ` { } `, `[]`, `null`, `"x"`, `1`, ``, ` `, `{`, `}`, `{}}`, `{} x`, `{},`, "\ufeff{}", "{}\x00",
	`{"type":"ping"}`, `{"type":"typing","is_typing":true}`, `{'type':'ping'}`, `{type:1}`, `{"type" : "ping" , "a":[1,2,{"b":null}]}`,
	`{"type":"ping","type":"typing"}`, `{"type":null}`, `{"TYPE":"ping"}`, `{"\u0074ype":"p\u0069ng"}`,
	`{"a":1,}`, `{"a":[1,]}`, `{"a":[,1]}`, `{,"a":1}`, `{"a" 1}`, `{"a"}`, `{"a":}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":{"b":1]`,
	`{"a":0,"b":-0,"c":1.5,"d":1e5,"e":-1.2E-7,"f":1e+0}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":1e400}`,
	`{"a":NaN}`, `{"a":Infinity}`, `{"a":tru}`, `{"a":truex}`, `{"a":nul}`, `{"a":False}`, `{"a":0x1}`, `{"a":00}`, `{"a":-01}`,
	`{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\x41"}`, `{"a":"\"}`, `{"a":"\\"}`, `{"a":"\/\b\f\n\r\t\"\u00e9"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x7f\"}",
	`{"type":"chat_message","content":"a","mentions":["11111111-2222-4333-8444-5555555555aa"],"mentions_all":true,"data":{"a":[1e3," \" ",{}]}}`,
	`{"type":"chat_message","content":"a","data":{"a":"\ud800"},"data":{"a" : 1E-4}}`, `{"type":"pin_message","message_id":"x","on":false}`,
	`{"content":"\ud83d\ude00"}`, `{"content":"\ud83d"}`, `{"content":"\ude00\ud83d"}`, `{"content":"\ud83d\u0041"}`, `{"content":"\ud83d\ud83d\ude00"}`, `{"content":"\ud83d\n"}`, `{"content":"\ud83dx"}`,
	"{\"content\":\"\xff\"}", "{\"\xff\":1}", "{\"content\":\"\xed\xa0\x80\"}",
	`{"a":[[[[{"b":[{}]}]]]]}`, `{"a":{"b":{"c":{}},"d":[]},"type":"ping"}`, `{"a":{"b"}}`, `{"a":{"b":1,}}`, `{"a":{1}}`, "{\"a\":[\t1\r\n,\n2 ] }", "{\"a\":\v1}", `{"a":[}]}`, `{"a":{]}`, `{/**/}`, `{"a":{"b":[1,{"c":2},3],"d":4}}`,
}

// checkScan holds fields.scan against encoding/json: the same texts are one
// object, and the same keys have the same values.
func checkScan(t *testing.T, p []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	wantOK := utf8.Valid(p) && json.Unmarshal(p, &want) == nil && want != nil
	var got fields
	if ok := got.scan(p); ok != wantOK {
		t.Fatalf("%q: accepted %v, encoding/json and UTF-8 say %v", p, ok, wantOK)
	}
	if !wantOK {
		return
	}
	for key, v := range map[string]*value{
		"type": &got.typ, "content": &got.content, "message_type": &got.messageType, "reply_to": &got.replyTo,
		"message_id": &got.messageID, "client_id": &got.clientID, "is_typing": &got.isTyping, "chat_room": &got.chatRoom,
		"seq": &got.seq, "on": &got.on, "emoji": &got.emoji, "mentions": &got.mentions, "mentions_all": &got.mentionsAll, "data": &got.data,
	} {
		checkValue(t, key, v, want[key])
	}
}

func checkValue(t *testing.T, key string, got *value, raw json.RawMessage) {
	t.Helper()
	if raw == nil {
		if got.kind != kindAbsent {
			t.Fatalf("%s came from nowhere", key)
		}
		return
	}
	kinds := map[byte]kind{'n': kindNull, 't': kindTrue, 'f': kindFalse, '"': kindString, '{': kindNested, '[': kindNested}
	want, ok := kinds[raw[0]]
	if !ok {
		want = kindNumber
	}
	if got.kind != want {
		t.Fatalf("%s is of kind %d, %s is of kind %d", key, got.kind, raw, want)
	}
	if want != kindString {
		return
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	var buf [8]byte
	if text := string(got.text(buf[:0])); text != s {
		t.Fatalf("%s is read as %q, encoding/json says %q", key, text, s)
	}
}

func TestScanAgreesWithEncodingJSON(t *testing.T) {
	for _, s := range scanSeeds {
		checkScan(t, []byte(s))
		for cut := range len(s) {
			checkScan(t, []byte(s[:cut]))
		}
	}
}

func TestScanNestingLimit(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		shut := map[byte]string{'[': "]", '{': "}"}[open[0]]
		inner := map[byte]string{'[': "", '{': "1"}[open[0]]
		for _, depth := range []int{1, 63, 64, 65, nestingMax - 2, nestingMax - 1, nestingMax, nestingMax + 1} {
			text := `{"x":` + strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth) + `}`
			checkScan(t, []byte(text))
			checkScan(t, []byte(text[:len(text)-2]))
		}
	}
}

func TestScanAlternatingNesting(t *testing.T) {
	text := "1"
	for i := range 300 {
		if i%3 == 0 {
			text = `{"b":0,"a":` + text + `}`
		} else {
			text = `[{}, ` + text + `,[]]`
		}
	}
	checkScan(t, []byte(`{"a":`+text+`}`))
	checkScan(t, []byte(`{"a":`+strings.Replace(text, "]}", "}]", 1)+`}`))
}

// FuzzDecodeFrame holds the scanner against encoding/json, and what is
// decoded against the rules.
func FuzzDecodeFrame(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
	}
	for _, c := range frameCases {
		f.Add([]byte(c.text))
	}
	for _, c := range controlCases {
		f.Add([]byte(c.text))
	}
	rules := Rules{ContentRunesMax: 20}
	f.Fuzz(func(t *testing.T, p []byte) {
		checkScan(t, p)
		before := string(p)
		var frame Frame
		refused := DecodeFrame(p, &frame, &rules)
		if string(p) != before {
			t.Fatal("the input was changed")
		}
		if frame.ClientID != "" && utf8.RuneCountInString(frame.ClientID) > ClientIDRunesMax {
			t.Fatalf("client_id %q", frame.ClientID)
		}
		if refused != nil {
			return
		}
		withContent := frame.Kind == KindMessage && (frame.Extra == nil || len(frame.Extra.Attachments) == 0)
		mayHaveContent := frame.Kind == KindMessage || frame.Kind == KindEdit
		if withContent && frame.Content == "" || !mayHaveContent && frame.Content != "" || strings.TrimFunc(frame.Content, isSpace) != frame.Content ||
			utf8.RuneCountInString(frame.Content) > rules.ContentRunesMax || !utf8.ValidString(frame.Content) ||
			strings.Contains(frame.Content+frame.ClientID, "\x00") {
			t.Fatalf("%q became %+v", p, frame)
		}
		if frame.Kind == 0 || (frame.Kind == KindMessage) != (frame.Type == TypeText || frame.Type == TypeFile) {
			t.Fatalf("%q became %+v", p, frame)
		}
		if shown, ok := ValidEmoji(frame.Emoji); (frame.Kind == KindReact) != ok || shown != frame.Emoji {
			t.Fatalf("%q became %+v", p, frame)
		}
		checkControl(t, p, &frame)
		if e := frame.Extra; e != nil {
			var want bytes.Buffer
			if e.Data != "" && (json.Compact(&want, []byte(e.Data)) != nil || want.String() != e.Data || !StorableData(e.Data)) {
				t.Fatalf("%q has the data %q", p, e.Data)
			}
			if frame.Kind != KindMessage || len(e.Mentions) > MentionsMax || slices.Contains(e.Mentions, uuid.Nil) || len(e.Attachments) > AttachmentsMax || e.orNil() == nil {
				t.Fatalf("%q became %+v with %+v", p, frame, e)
			}
		}
	})
}
