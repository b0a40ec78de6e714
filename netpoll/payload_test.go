package netpoll

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/deflate"
)

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
		packed.deadline(await.Limit)
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
