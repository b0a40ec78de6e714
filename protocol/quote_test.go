package protocol

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzString holds what is written against what encoding/json reads, and what
// the scanner reads against it, too.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1f\x7f\"\\/\b\f\n\r\t", "ä€😀\u2028\u2029", "\xff\xc3", "\xed\xa0\x80", "a\xf0\x9f\x98", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := appendString([]byte("12345"), s)[5:]
		want := string([]rune(s)) // a byte that is no UTF-8 reads as U+FFFD
		var read string
		if err := json.Unmarshal(written, &read); err != nil {
			t.Fatalf("%q became %s: %v", s, written, err)
		}
		if read != want {
			t.Fatalf("%q became %s, which reads %q", s, written, read)
		}
		scan := scanner{text: written}
		v, ok := scan.str()
		if !ok || !scan.end() {
			t.Fatalf("the scanner refuses %s", written)
		}
		if got := string(v.text(nil)); got != want {
			t.Fatalf("the scanner reads %s as %q", written, got)
		}
	})
}

func TestAppendTimeIsWhatTheStandardLibraryWrites(t *testing.T) {
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Unix(1, 1),
		time.Unix(1_767_322_845, 100_000_000),
		time.Unix(1_767_322_845, 999_999_999),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2026, 3, 29, 2, 30, 0, 10_000, time.FixedZone("", -5*3600)),
	} {
		want := at.UTC().Format(`"2006-01-02T15:04:05.000000Z"`)
		if got := string(appendTime(nil, at)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
