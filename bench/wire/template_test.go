package wire

import (
	"encoding/json"
	"testing"
)

func TestATemplateSendsItsContentAndTheStamp(t *testing.T) {
	for _, content := range []string{"x", "with \"quotes\" and é", string(make([]byte, 200)), "long" + string(make([]rune, 9000))} {
		tmpl := NewTemplate(content, [4]byte{0xde, 0xad, 0xbe, 0xef})
		stamp := Stamp{Run: 0xfedcba98, Conn: 1<<24 - 1, At: 1<<48 - 1}
		both := tmpl.Append(tmpl.Append([]byte("before"), Stamp{At: 1}, 0), stamp, 0)
		if len(both) != 6+2*tmpl.Len() {
			t.Fatalf("%d bytes for two frames of %d", len(both)-6, tmpl.Len())
		}
		_, _, rest := unmasked(t, both[6:])
		_, payload, rest := unmasked(t, rest)
		var f struct {
			Type     string `json:"type"`
			Content  string `json:"content"`
			ClientID string `json:"client_id"`
		}
		if err := json.Unmarshal(payload, &f); err != nil || len(rest) != 0 {
			t.Fatalf("%v in %q", err, payload)
		}
		if f.Type != "chat_message" || f.Content != content {
			t.Errorf("type %q, content %.20q", f.Type, f.Content)
		}
		if got, ok := ParseStamp([]byte(f.ClientID)); !ok || got != stamp {
			t.Errorf("stamp %+v, %v", got, ok)
		}
	}
}

func TestParseStampRefusesOtherClientIDs(t *testing.T) {
	good := make([]byte, stampBytes)
	Stamp{Run: 1, Conn: 2, At: 3}.put(good)
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] = 'x'
		if _, ok := ParseStamp(bad); ok {
			t.Errorf("%q was taken for a stamp", bad)
		}
	}
	for _, text := range []string{"", "cb", string(good) + "0", string(good[1:])} {
		if _, ok := ParseStamp([]byte(text)); ok {
			t.Errorf("%q was taken for a stamp", text)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	tmpl := NewTemplate("content", [4]byte{1, 2, 3, 4})
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = tmpl.Append(buf[:0], Stamp{Conn: 5}, 0) }); n != 0 {
		t.Errorf("%v allocations for a message", n)
	}
}
