package backplane

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
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
	e := room.Event{
		Kind: kind, Seq: seq, Prev: prev, Message: uuid.NewSHA1(roomR, []byte(content)),
		Frame: frame, Body: frame[at : at+len(body)],
	}
	if kind == protocol.KindMessage {
		e.Row = e.Message
	}
	return e
}

func sample() *room.Batch {
	return &room.Batch{Room: roomR, Events: []room.Event{
		event(protocol.KindMessage, 8, 7, "first"),
		event(protocol.KindEdit, 9, 8, "second"),
		event(protocol.KindMessage, 1000, 9, "after a gap"),
	}}
}

// said is a batch of messages, which every version can tell.
func said() *room.Batch {
	b := sample()
	b.Events[1] = event(protocol.KindMessage, 9, 8, "second")
	return b
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
			!bytes.Equal(x.Frame, y.Frame) || !bytes.Equal(x.Patch, y.Patch) || !bytes.Equal(x.Body, y.Body) {
			return false
		}
	}
	return true
}

// thrownAway is a kind that no build knows.
const thrownAway protocol.Kind = 200

// newerSample is a batch that version 1 cannot tell: an event of another kind, and
// one about no message.
func newerSample() *room.Batch {
	b := sample()
	b.Events[1].Row = uuid.NewSHA1(roomR, []byte("an edit's row"))
	about := event(thrownAway, 1001, 1000, "of a kind that no build knows")
	about.Row = uuid.NewSHA1(roomR, []byte("another row"))
	nothing := event(thrownAway, 1002, 1001, "")
	nothing.Message, nothing.Body = uuid.UUID{}, nil
	b.Events = append(b.Events, about, nothing)
	return b
}

// patchedSample is a batch of which clients of version 2 are told one event otherwise.
func patchedSample() *room.Batch {
	b := sample()
	b.Events[1].Row = uuid.NewSHA1(roomR, []byte("a pin's row"))
	b.Events[1].Patch = []byte(`{"type":"message_patch"}`)
	return b
}

// noticed makes a notice of a kind that no build knows.
func noticed(frame string) *room.Notice {
	n := types(frame)
	n.Kind = thrownAway
	return n
}

// marked is who has read how far.
func marked() *room.Notice {
	return &room.Notice{Kind: protocol.KindRead, Room: roomR, Reads: []room.ReadBy{{User: userU, Seq: 1}, {User: nodeA, Seq: 1 << 40}}}
}

func sameNotice(a, b *room.Notice) bool {
	return slices.Equal(a.Reads, b.Reads) && a.Kind == b.Kind && a.Room == b.Room && a.User == b.User && bytes.Equal(a.Frame, b.Frame)
}

// sameRows compares the ids of the events' rows.
func sameRows(a, b *room.Batch) bool {
	return slices.EqualFunc(a.Events, b.Events, func(x, y room.Event) bool { return x.Row == y.Row })
}

// readWhole reads an envelope as it is before it is signed.
func readWhole(p []byte) (*envelope, error) {
	h, p, err := unseal(p)
	if err != nil {
		return nil, err
	}
	return decode(h, p[headerBytes:])
}

func TestEnvelopeRoundTrip(t *testing.T) {
	for batch, version := range map[*room.Batch]uint8{said(): 1, sample(): 3, newerSample(): 3, patchedSample(): 3} {
		e, err := readWhole(encodeEvents(nodeA, batch))
		if err != nil || e.version != version || e.isPartial() || e.kind != envelopeEvents || e.node != nodeA || !sameBatch(e.batch, batch) || !sameRows(e.batch, batch) {
			t.Errorf("events of version %d: %+v, %v", version, e, err)
		}
	}
	for version, n := range map[uint8]*room.Notice{1: types("frame"), 2: noticed("frame"), 4: marked()} {
		e, err := readWhole(encodeNotice(nodeA, n))
		if err != nil || e.version != version || e.node != nodeA || e.room != roomR || !sameNotice(e.notice, n) {
			t.Errorf("a notice of version %d: %+v, %v", version, e, err)
		}
	}
	e, err := readWhole(encodeHeartbeat(nodeA, 1<<40))
	if err != nil || e.kind != envelopeHeartbeat || e.node != nodeA || e.number != 1<<40 {
		t.Errorf("heartbeat: %+v, %v", e, err)
	}
}

// TestEachVersionKeepsItsBytes holds bytes that nodes of each version send. Every
// later version must understand them, and send the same for the same events, or
// rolling upgrades lose notices. Changes are sent in version 3 since there is that.
func TestEachVersionKeepsItsBytes(t *testing.T) {
	const (
		ids  = "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa" + "11111111222243338444555555555555"
		user = "cccccccccccc4ccc8ccccccccccccccc"
		none = "00000000000000000000000000000000"
	)
	frame := []byte(`{"m":{"a":1}}`)
	for name, c := range map[string]struct {
		hexed string
		batch *room.Batch
	}{
		"version 1": {
			"4356" + "01" + "01" + ids +
				"01" + "07" + // one event, after number 7
				"02" + "01" + user + "0d" + "05" + "07" + // an edit, number 8, its message, 13 bytes, 7 of them from the 5th
				"7b226d223a7b2261223a317d7d", // {"m":{"a":1}}
			&room.Batch{Room: roomR, Events: []room.Event{
				{Kind: protocol.KindEdit, Seq: 8, Prev: 7, Message: userU, Frame: frame, Body: frame[5:12]},
			}},
		},
		"version 1, a message": {
			"4356" + "01" + "01" + ids + "01" + "07" + "01" + "01" + user + "0d" + "05" + "07" + "7b226d223a7b2261223a317d7d",
			&room.Batch{Room: roomR, Events: []room.Event{
				{Kind: protocol.KindMessage, Seq: 8, Prev: 7, Row: userU, Message: userU, Frame: frame, Body: frame[5:12]},
			}},
		},
		"version 2": {
			"4356" + "02" + "01" + ids +
				"02" + "07" + // two events, after number 7
				"02" + "01" + "11111111222243338444555555555555" + user + "0d" + "05" + "07" + "7b226d223a7b2261223a317d7d" + // an edit as above, its row
				"c8" + "02" + none + none + "02" + "00" + "00" + "7b7d", // kind 200, number 10, its row not known, about no message: {}
			&room.Batch{Room: roomR, Events: []room.Event{
				{Kind: protocol.KindEdit, Seq: 8, Prev: 7, Row: roomR, Message: userU, Frame: frame, Body: frame[5:12]},
				{Kind: thrownAway, Seq: 10, Prev: 8, Frame: []byte("{}")},
			}},
		},
		"version 3": {
			"4356" + "03" + "01" + ids +
				"02" + "07" + // two events, after number 7
				"02" + "01" + "11111111222243338444555555555555" + user + "0d" + "05" + "07" + "7b226d223a7b2261223a317d7d" + "02" + "7b7d" + // an edit as above, and its patch: {}
				"c8" + "02" + none + none + "02" + "00" + "00" + "7b7d" + "00", // kind 200 as above, no patch
			&room.Batch{Room: roomR, Events: []room.Event{
				{Kind: protocol.KindEdit, Seq: 8, Prev: 7, Row: roomR, Message: userU, Frame: frame, Body: frame[5:12], Patch: []byte("{}")},
				{Kind: thrownAway, Seq: 10, Prev: 8, Frame: []byte("{}")},
			}},
		},
	} {
		p := checked(t, c.hexed)
		e, err := readWhole(p)
		if err != nil || e.node != nodeA || !sameBatch(e.batch, c.batch) || !sameRows(e.batch, c.batch) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
		if got := encodeEvents(nodeA, c.batch); !e.isPartial() && !bytes.Equal(got, p) {
			t.Errorf("%s is sent as\n%x, want\n%x", name, got, p)
		}
	}
	for name, c := range map[string]struct {
		hexed string
		n     *room.Notice
	}{
		"typing, version 1":   {"4356" + "01" + "02" + ids + user + "7b7d", types("{}")},
		"a notice, version 2": {"4356" + "02" + "04" + ids + "c8" + user + "7b7d", noticed("{}")},
		"marks, version 4":    {"4356" + "04" + "04" + ids + "05" + user + "01" + strings.ReplaceAll(nodeA.String(), "-", "") + "808080808020", marked()},
	} {
		p := checked(t, c.hexed)
		e, err := readWhole(p)
		if err != nil || e.node != nodeA || !sameNotice(e.notice, c.n) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
		if got := encodeNotice(nodeA, c.n); !bytes.Equal(got, p) {
			t.Errorf("%s is sent as\n%x, want\n%x", name, got, p)
		}
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

// noticeOf makes an envelope of version 2 with a notice of any kind.
func noticeOf(k protocol.Kind) []byte {
	dst := begin(nil, header{version: 2, kind: envelopeNotice, node: nodeA, room: roomR})
	return seal(append(append(append(dst, byte(k)), userU[:]...), "{}"...))
}

// eventOf makes an envelope of version 2 with one event of any kind.
func eventOf(k protocol.Kind) []byte {
	p := encodeEvents(nodeA, &room.Batch{Room: roomR, Events: []room.Event{event(thrownAway, 8, 7, "x")}})
	p = p[:len(p)-sumBytes]
	p[headerBytes+2] = byte(k)
	return seal(p)
}

// TestNewerEnvelopeNamesItsRoom changes all that a later version may change.
func TestNewerEnvelopeNamesItsRoom(t *testing.T) {
	p := seal(begin(nil, header{version: 99, kind: 77, node: nodeA, room: roomR}))
	h, ok := readHeader(p)
	if _, err := readWhole(p); !errors.Is(err, errNewer) || !ok || h.room != roomR || h.node != nodeA {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestWhatIsNoEnvelopeIsNamed(t *testing.T) {
	good := encodeEvents(nodeA, said())
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
		"nothing":                {nil, errForeign},
		"text":                   {[]byte("hello, this is somebody else's channel and a long text"), errForeign},
		"only the magic":         {[]byte(magic), errForeign},
		"newer":                  {altered(func(p []byte) { p[2] = protocol.LogVersion + 1 }), errNewer},
		"newer, of a kind":       {altered(func(p []byte) { p[2], p[3] = protocol.LogVersion+1, 77 }), errNewer},
		"newer, broken":          {append([]byte("CV\xff\x01"), good[4:]...), errMalformed},
		"version 0":              {altered(func(p []byte) { p[2] = 0 }), errMalformed},
		"unknown kind":           {altered(func(p []byte) { p[3] = 77 }), errMalformed},
		"no event":               {altered(func(p []byte) { p[body] = 0 }), errMalformed},
		"more events":            {altered(func(p []byte) { p[body]++ }), errMalformed},
		"fewer events":           {altered(func(p []byte) { p[body]-- }), errMalformed},
		"kind of event":          {altered(func(p []byte) { p[body+2] = 9 }), errMalformed},
		"step of zero":           {altered(func(p []byte) { p[body+3] = 0 }), errMalformed},
		"broken bit":             {append(append(bytes.Clone(good[:50]), good[50]^1), good[51:]...), errMalformed},
		"cut":                    {good[:len(good)-5], errMalformed},
		"typing, no frame":       {encodeNotice(nodeA, types("")), errMalformed},
		"notice, no frame":       {encodeNotice(nodeA, noticed("")), errMalformed},
		"notice, an event":       {noticeOf(protocol.KindMessage), errMalformed},
		"notice of kind 0":       {noticeOf(0), errMalformed},
		"event, a notice":        {eventOf(protocol.KindTyping), errMalformed},
		"event of kind 0":        {eventOf(0), errMalformed},
		"marks of nobody":        {encodeNotice(nodeA, &room.Notice{Kind: protocol.KindRead, Room: roomR}), errMalformed},
		"a mark at 0":            {encodeNotice(nodeA, &room.Notice{Kind: protocol.KindRead, Room: roomR, Reads: []room.ReadBy{{User: userU}}}), errMalformed},
		"half a mark":            {withoutEnd(encodeNotice(nodeA, marked()), 1), errMalformed},
		"half a user":            {withoutEnd(encodeNotice(nodeA, marked()), 10), errMalformed},
		"marks as of 2":          {noticeOf(protocol.KindRead), errMalformed},
		"marks, said to be of 2": {asVersion2(marked()), errMalformed},
		"no patch":               {withoutEnd(encodeEvents(nodeA, patchedSample()), 1), errMalformed},
		"half a patch":           {withoutEnd(encodeEvents(nodeA, patchedLast()), 1), errMalformed},
	} {
		if n, err := readWhole(c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, n, err, c.want)
		}
	}
}

// patchedLast is a batch of which the last event has a patch.
func patchedLast() *room.Batch {
	b := patchedSample()
	b.Events = b.Events[:2]
	return b
}

// asVersion2 is an envelope of a notice that says that it is of version 2.
func asVersion2(n *room.Notice) []byte {
	p := encodeNotice(nodeA, n)
	p[2] = 2
	return seal(p[:len(p)-sumBytes])
}

// withoutEnd takes n bytes off the body of an envelope.
func withoutEnd(p []byte, n int) []byte { return seal(p[:len(p)-sumBytes-n]) }

// FuzzDecode gives decode bytes under a right checksum, since no fuzzer finds one,
// and the bytes as they are.
func FuzzDecode(f *testing.F) {
	for _, p := range [][]byte{
		encodeEvents(nodeA, sample()), encodeEvents(nodeA, newerSample()), encodeEvents(nodeA, patchedSample()),
		encodeNotice(nodeA, types("{}")), encodeNotice(nodeA, noticed("{}")), encodeNotice(nodeA, marked()), encodeHeartbeat(nodeA, 7), nil,
		encodeWatched(nodeA, []uuid.UUID{roomR, userU}), encodePresence(nodeA, saidSamples()[1]), encodePresence(nodeA, saidSamples()[3]),
	} {
		f.Add(p)
		f.Add(p[:max(0, len(p)-sumBytes)])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		_, _ = readWhole(p)
		e, err := readWhole(seal(bytes.Clone(p)))
		if err != nil {
			return
		}
		again := e
		switch e.kind {
		case envelopeEvents:
			checkEvents(t, e.batch, len(p))
			again, err = readWhole(encodeEvents(e.node, e.batch))
			// What version 1 can tell is told by it, without the rows of edits.
			if err != nil || !sameBatch(again.batch, e.batch) || (again.version == e.version && !sameRows(again.batch, e.batch)) {
				t.Fatalf("no round trip: %v", err)
			}
		case envelopeTyping, envelopeNotice:
			if e.notice == nil {
				checkPresence(t, e)
				return
			}
			again, err = readWhole(encodeNotice(e.node, e.notice))
			if err != nil || !sameNotice(again.notice, e.notice) {
				t.Fatalf("no round trip: %v", err)
			}
		case envelopeHeartbeat:
			again, err = readWhole(encodeHeartbeat(e.node, e.number))
			if err != nil || again.number != e.number {
				t.Fatalf("no round trip: %v", err)
			}
		}
		if again.version > e.version {
			t.Errorf("what came as version %d is sent as version %d", e.version, again.version)
		}
	})
}

// checkPresence demands that what is said of presence is the same after a round trip.
func checkPresence(t *testing.T, e *envelope) {
	t.Helper()
	p := encodeWatched(e.node, e.watched)
	if e.said != nil {
		p = encodePresence(e.node, e.said)
	}
	again, err := readWhole(p)
	if err != nil || !reflect.DeepEqual(again.said, e.said) || !slices.Equal(again.watched, e.watched) {
		t.Fatalf("no round trip: %v", err)
	}
}

// checkEvents demands what decode promises of a batch that came in size bytes.
func checkEvents(t *testing.T, b *room.Batch, size int) {
	t.Helper()
	if cap(b.Events) > max(256, size) {
		t.Errorf("room for %d events in %d bytes", cap(b.Events), size)
	}
	for i, e := range b.Events {
		if e.Seq <= e.Prev || (i > 0 && e.Prev != b.Events[i-1].Seq) {
			t.Fatalf("event %d has seq %d after %d", i, e.Seq, e.Prev)
		}
		if !bytes.Contains(e.Frame, e.Body) {
			t.Fatal("the body is not in the frame")
		}
	}
}
