package netpoll

import (
	"bytes"
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
		header, text, err := readFrame(r)
		if err != nil {
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
	plain, packed := p.bytesFor(deflate.Params{}), p.bytesFor(params)
	for _, b := range [][]byte{plain, packed} {
		if got := messages(t, b); !slices.Equal(got, want) {
			t.Errorf("got %d messages %.200q", len(got), got)
		}
	}
	if len(packed) > len(plain)/10 {
		t.Errorf("%d bytes compressed of %d", len(packed), len(plain))
	}
	if &p.bytesFor(params)[0] != &packed[0] {
		t.Error("the compressed form was made twice")
	}
}

func TestCompressedClientGetsTheSharedCopy(t *testing.T) {
	var room Topic
	s := start(t, Config{Loops: 1, Compression: true, Handler: funcs{open: func(c *Conn) { room.Add(c) }, message: echoBack}})
	plain, packed := dial(t, s), dialWith(t, s, deflateRequest)
	text := strings.Repeat("all that is said ", 100)
	onLoop(t, s.loops[0], func() { room.Send(NewPayload([]byte("small"), []byte(text))) })
	plain.expect("small")
	plain.expect(text)
	packed.expect("small") // as it is
	read := func() string {
		t.Helper()
		packed.deadline(waitMax)
		header, payload, err := readFrame(packed.in)
		if err != nil || !header.Rsv1() || len(payload) > len(text)/4 {
			t.Fatalf("%+v, %v", header, err)
		}
		got, err := deflate.Inflate(nil, payload, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	if got := read(); got != text {
		t.Errorf("%.40q", got)
	}
	// And back: a compressed message is inflated, its echo compressed.
	f := ws.NewTextFrame(deflate.Deflate(nil, []byte(text)))
	f.Header.Rsv = ws.Rsv(true, false, false)
	packed.write(ws.MustCompileFrame(ws.MaskFrame(f)))
	if got := read(); got != text {
		t.Errorf("%.40q", got)
	}
}

func TestInflatedMessagesAreChecked(t *testing.T) {
	s := start(t, Config{Compression: true, MessageBytesMax: 10_000, Handler: funcs{message: echoBack}})
	for name, test := range map[string]struct {
		data []byte
		code uint16
	}{
		"bomb":    {deflate.Deflate(nil, make([]byte, 10_001)), CloseTooBig},
		"UTF-8":   {deflate.Deflate(nil, []byte("\xff\xff")), CloseInvalid},
		"corrupt": {[]byte("\xff\xff\xff\xff\xff"), CloseInvalid},
	} {
		c := dialWith(t, s, deflateRequest)
		f := ws.NewTextFrame(test.data)
		f.Header.Rsv = ws.Rsv(true, false, false)
		c.write(ws.MustCompileFrame(ws.MaskFrame(f)))
		if code, _ := c.expectClose(); code != test.code {
			t.Errorf("%s: %d", name, code)
		}
	}
}
