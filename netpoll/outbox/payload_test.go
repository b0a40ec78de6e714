package outbox

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/netpoll/deflate"
)

// agreed is what a client that offers permessage-deflate gets.
func agreed(t testing.TB) deflate.Params {
	t.Helper()
	p, err := deflate.Negotiate([]byte("permessage-deflate"))
	if !p.Agreed() || err != nil {
		t.Fatal(p, err)
	}
	return p
}

// messages reads the texts of frames.
func messages(t testing.TB, b []byte) (texts []string) {
	t.Helper()
	for r := bytes.NewReader(b); r.Len() > 0; {
		header, err := ws.ReadHeader(r)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, header.Length)
		if _, err = io.ReadFull(r, text); err != nil {
			t.Fatal(err)
		}
		if header.Rsv1() {
			if text, err = deflate.Inflate(nil, text, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		texts = append(texts, string(text))
	}
	return texts
}

func TestPayloadIsTheSameTextsInBothForms(t *testing.T) {
	texts := [][]byte{[]byte("short"), []byte(strings.Repeat("long ", 1000)), nil, []byte(strings.Repeat("longer ", 20_000)), []byte("end")}
	p := NewPayload(texts...)
	want := make([]string, len(texts))
	for i, text := range texts {
		want[i] = string(text)
	}
	params := agreed(t)
	plain, packed := p.BytesFor(deflate.Params{}), p.BytesFor(params)
	for _, b := range [][]byte{plain, packed} {
		if got := messages(t, b); !slices.Equal(got, want) {
			t.Errorf("got %d messages %.200q", len(got), got)
		}
	}
	if len(packed) > len(plain)/10 {
		t.Errorf("%d bytes compressed of %d", len(packed), len(plain))
	}
	if &p.BytesFor(params)[0] != &packed[0] {
		t.Error("the compressed form was made twice")
	}
}

// MadeFor says beforehand whether BytesFor will have work.
func TestPayloadSaysWhetherItIsMade(t *testing.T) {
	params := agreed(t)
	for _, c := range []struct {
		bytes  int
		params deflate.Params
		at     bool // once
	}{{deflateBytesMin - 1, params, true}, {100_000, deflate.Params{}, true}, {100_000, params, false}} {
		p := NewPayload([]byte(strings.Repeat("x", c.bytes)))
		if got := p.MadeFor(c.params); got != c.at {
			t.Errorf("%d bytes: made %v at once", c.bytes, got)
		}
		if p.BytesFor(c.params); !p.MadeFor(c.params) {
			t.Errorf("%d bytes: not made afterwards", c.bytes)
		}
	}
}
