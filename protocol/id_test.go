package protocol

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestParseID(t *testing.T) {
	canonical := idA.String()
	for _, s := range []string{canonical, strings.ToUpper(canonical), strings.ReplaceAll(canonical, "-", "")} {
		if id, ok := ParseID(s); !ok || id != idA {
			t.Errorf("%s: %v %v", s, id, ok)
		}
		if id, ok := ParseID([]byte(s)); !ok || id != idA {
			t.Errorf("bytes of %s: %v %v", s, id, ok)
		}
	}
	for _, s := range []string{
		"", "x", canonical[:35], canonical + "0", "{" + canonical + "}", "urn:uuid:" + canonical, " " + canonical,
		strings.Replace(canonical, "-", "_", 1), strings.Replace(canonical, "a", "g", 1),
		strings.ReplaceAll(canonical, "-", "0"), "1111111-12222-4333-8444-5555555555aa",
		strings.Repeat("1", 31) + "-", strings.Repeat("é", 18), strings.Repeat("-", 36),
	} {
		if id, ok := ParseID(s); ok || id != uuid.Nil {
			t.Errorf("%q was taken for %v", s, id)
		}
	}
}

// FuzzParseID holds ParseID against google/uuid, which takes two forms more.
func FuzzParseID(f *testing.F) {
	f.Add(idA.String())
	f.Add(strings.ReplaceAll(idB.String(), "-", ""))
	f.Add("{" + idC.String() + "}")
	f.Fuzz(func(t *testing.T, s string) {
		want, err := uuid.Parse(s)
		if len(s) != idHyphenated && len(s) != idBare {
			want, err = uuid.Nil, errors.New("another form")
		}
		if err != nil {
			want = uuid.Nil
		}
		if got, ok := ParseID(s); ok != (err == nil) || got != want {
			t.Fatalf("%q: got %v %v, want %v %v", s, got, ok, want, err)
		}
		if got := string(appendUUID(nil, want)); got != `"`+want.String()+`"` {
			t.Fatalf("written as %s", got)
		}
	})
}
