package token

import (
	"bytes"
	"encoding/json"
	"testing"
)

// member is a member as encoding/json reads it.
type member struct{ name, value string }

// decodedMembers reads the members of an object by encoding/json.
func decodedMembers(t *testing.T, object []byte) (all []member) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		all = append(all, member{name.(string), string(value)})
	}
	return all
}

// FuzzMembers holds members, readText and readNumber against encoding/json.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, `{ }`, `{"a":1}`, "{\t\"a\" :\n1 ,\r\"b\": [ {} , \"]\" ] }", `{"a":{"b":"}"},"c":[[],[1]]}`,
		`{"a\"":"b\\","\u0061":null}`, "{\"\xff\":\"\xfe\"}", `{"a":-1.5e3,"b":1e999,"c":true}`, `{"":""}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if !json.Valid(text) || text[0] != '{' {
			return
		}
		want := decodedMembers(t, text)
		for name, value := range members(text) {
			if len(want) == 0 {
				t.Fatalf("%q: a member too many: %q", text, name)
			}
			if got := (member{string(name), string(value)}); got != want[0] {
				t.Fatalf("%q: got %+v, want %+v", text, got, want[0])
			}
			want = want[1:]
			checkRead(t, value)
		}
		if len(want) > 0 {
			t.Fatalf("%q: no member %+v", text, want[0])
		}
	})
}

func checkRead(t *testing.T, value []byte) {
	t.Helper()
	var gotText, wantText string
	gotErr, wantErr := readText(value, &gotText), json.Unmarshal(value, &wantText)
	if gotText != wantText || (gotErr == nil) != (wantErr == nil) {
		t.Fatalf("%q as text: got %q, %v; want %q, %v", value, gotText, gotErr, wantText, wantErr)
	}
	var got, want *float64
	gotErr, wantErr = readNumber(value, &got), json.Unmarshal(value, &want)
	if (gotErr == nil) != (wantErr == nil) || gotErr == nil && ((got == nil) != (want == nil) || got != nil && *got != *want) {
		t.Fatalf("%q as a number: got %v, %v; want %v, %v", value, got, gotErr, want, wantErr)
	}
}
