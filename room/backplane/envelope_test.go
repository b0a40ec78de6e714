package backplane

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

var (
	nodeA = uuid.MustParse("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
	roomR = uuid.MustParse("11111111-2222-4333-8444-555555555555")
	userU = uuid.MustParse("cccccccc-cccc-4ccc-8ccc-cccccccccccc")
)

// event makes an event whose frame holds its body.
func event(kind protocol.Kind, seq, prev int64, content string) room.Event {
	body := fmt.Sprintf(`{"content":%q}`, content)
	frame := fmt.Appendf(nil, `{"type":"x","message":%s,"seq":%d}`, body, seq)
	at := bytes.Index(frame, []byte(body))
	return room.Event{
		Kind: kind, Seq: seq, Prev: prev, Message: uuid.NewSHA1(roomR, []byte(content)),
		Frame: frame, Body: frame[at : at+len(body)],
	}
}

func sample() *room.Batch {
	return &room.Batch{Room: roomR, Events: []room.Event{
		event(protocol.KindMessage, 8, 7, "first"),
		event(protocol.KindEdit, 9, 8, "second"),
		event(protocol.KindMessage, 1000, 9, "after a gap"),
	}}
}

// types makes a notice of typing.
func types(frame string) *room.Notice {
	return &room.Notice{Kind: protocol.KindTyping, Room: roomR, User: userU, Frame: []byte(frame)}
}

func sameBatch(a, b *room.Batch) bool {
	if a.Room != b.Room || len(a.Events) != len(b.Events) {
		return false
	}
	for i := range a.Events {
		x, y := a.Events[i], b.Events[i]
		if x.Kind != y.Kind || x.Seq != y.Seq || x.Prev != y.Prev || x.Message != y.Message ||
			!bytes.Equal(x.Frame, y.Frame) || !bytes.Equal(x.Body, y.Body) {
			return false
		}
	}
	return true
}

func TestEnvelopeRoundTrip(t *testing.T) {
	n, err := decode(encodeEvents(nodeA, sample()))
	if err != nil || n.kind != envelopeEvents || n.node != nodeA || !sameBatch(n.batch, sample()) {
		t.Errorf("events: %+v, %v", n, err)
	}
	n, err = decode(encodeTyping(nodeA, types("frame")))
	if err != nil || n.kind != envelopeTyping || n.node != nodeA || n.room != roomR || n.typing.User != userU || string(n.typing.Frame) != "frame" {
		t.Errorf("typing: %+v, %v", n, err)
	}
	n, err = decode(encodeHeartbeat(nodeA, 1<<40))
	if err != nil || n.kind != envelopeHeartbeat || n.node != nodeA || n.number != 1<<40 {
		t.Errorf("heartbeat: %+v, %v", n, err)
	}
}

// TestVersionOneIsUnderstood holds bytes that nodes of version 1 send. They must
// be understood by every later version, or rolling upgrades lose notices.
func TestVersionOneIsUnderstood(t *testing.T) {
	const events = "4356" + "01" + "01" +
		"aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa" + "11111111222243338444555555555555" +
		"01" + "07" + // one event, after number 7
		"02" + "01" + "cccccccccccc4ccc8ccccccccccccccc" + "0d" + "05" + "07" + // an edit, number 8, its message, 13 bytes, 7 of them from the 5th
		"7b226d223a7b2261223a317d7d" // {"m":{"a":1}}
	n, err := decode(checked(t, events))
	if err != nil {
		t.Fatal(err)
	}
	want := &room.Batch{Room: roomR, Events: []room.Event{{
		Kind: protocol.KindEdit, Seq: 8, Prev: 7, Message: userU, Frame: []byte(`{"m":{"a":1}}`), Body: []byte(`{"a":1}`),
	}}}
	if n.node != nodeA || !sameBatch(n.batch, want) {
		t.Errorf("got %+v of node %v", n.batch, n.node)
	}
	n, err = decode(checked(t, "4356"+"01"+"02"+"aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa"+"11111111222243338444555555555555"+"cccccccccccc4ccc8ccccccccccccccc"+"7b7d"))
	if err != nil || n.typing.User != userU || string(n.typing.Frame) != "{}" {
		t.Errorf("typing: %+v, %v", n, err)
	}
}

// checked adds the checksum to an envelope in hexadecimal.
func checked(t *testing.T, hexed string) []byte {
	t.Helper()
	p, err := hex.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	return seal(p)
}

func TestWhatIsNoEnvelopeIsNamed(t *testing.T) {
	good := encodeEvents(nodeA, sample())
	altered := func(change func(p []byte)) []byte {
		p := bytes.Clone(good[:len(good)-4])
		change(p)
		return seal(p)
	}
	body := headerBytes
	for name, c := range map[string]struct {
		p    []byte
		want error
	}{
		"nothing":          {nil, errForeign},
		"text":             {[]byte("hello, this is somebody else's channel and a long text"), errForeign},
		"only the magic":   {[]byte(magic), errForeign},
		"newer":            {altered(func(p []byte) { p[2] = envelopeVersion + 1 }), errNewer},
		"version 0":        {altered(func(p []byte) { p[2] = 0 }), errMalformed},
		"unknown kind":     {altered(func(p []byte) { p[3] = 77 }), errMalformed},
		"no event":         {altered(func(p []byte) { p[body] = 0 }), errMalformed},
		"more events":      {altered(func(p []byte) { p[body]++ }), errMalformed},
		"fewer events":     {altered(func(p []byte) { p[body]-- }), errMalformed},
		"kind of event":    {altered(func(p []byte) { p[body+2] = 9 }), errMalformed},
		"step of zero":     {altered(func(p []byte) { p[body+3] = 0 }), errMalformed},
		"broken bit":       {append(append(bytes.Clone(good[:50]), good[50]^1), good[51:]...), errMalformed},
		"cut":              {good[:len(good)-5], errMalformed},
		"typing, no frame": {encodeTyping(nodeA, types("")), errMalformed},
	} {
		if n, err := decode(c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, n, err, c.want)
		}
	}
}

// FuzzDecode gives decode bytes under a right checksum, since no fuzzer finds one,
// and the bytes as they are.
func FuzzDecode(f *testing.F) {
	for _, p := range [][]byte{encodeEvents(nodeA, sample()), encodeTyping(nodeA, types("{}")), encodeHeartbeat(nodeA, 7), nil} {
		f.Add(p)
		f.Add(p[:max(0, len(p)-4)])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		_, _ = decode(p)
		sealed := binary.LittleEndian.AppendUint32(bytes.Clone(p), crc32.Checksum(p, castagnoli))
		n, err := decode(sealed)
		if err != nil {
			return
		}
		if echo(string(sealed), n.node) != (n.kind != envelopeHeartbeat) {
			t.Error("echo does not know an envelope that decode understands")
		}
		var again *notice
		switch n.kind {
		case envelopeEvents:
			if cap(n.batch.Events) > max(256, len(p)) {
				t.Errorf("room for %d events in %d bytes", cap(n.batch.Events), len(p))
			}
			for i, e := range n.batch.Events {
				if e.Seq <= e.Prev || (i > 0 && e.Prev != n.batch.Events[i-1].Seq) {
					t.Fatalf("event %d has seq %d after %d", i, e.Seq, e.Prev)
				}
				if !bytes.Contains(e.Frame, e.Body) {
					t.Fatal("the body is not in the frame")
				}
			}
			again, err = decode(encodeEvents(n.node, n.batch))
			if err != nil || !sameBatch(again.batch, n.batch) {
				t.Fatalf("no round trip: %v", err)
			}
		case envelopeTyping:
			again, err = decode(encodeTyping(n.node, n.typing))
			if err != nil || again.typing.User != n.typing.User || !bytes.Equal(again.typing.Frame, n.typing.Frame) {
				t.Fatalf("no round trip: %v", err)
			}
		case envelopeHeartbeat:
			again, err = decode(encodeHeartbeat(n.node, n.number))
			if err != nil || again.number != n.number {
				t.Fatalf("no round trip: %v", err)
			}
		}
	})
}
