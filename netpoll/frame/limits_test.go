package frame

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSection10_4_LengthOverTheLimitIsRefusedAtTheHeader(t *testing.T) {
	lim := &Limits{MessageBytesMax: 100_000}
	small := &Limits{MessageBytesMax: 10}
	header := func(first byte, n uint64) []byte {
		return []byte{first, 0xFF, byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	exact := strings.Repeat("x", 100_000)
	check(t, []wire{
		{name: "exactly the limit", lim: lim, bytes: client(text, exact), events: isText(exact)},
		{name: "one more, without mask or payload", lim: lim, bytes: header(text, 100_001), v: errMessageBytes},
		{name: "the greatest length there is", lim: lim, bytes: header(binaryWord, 1<<63-1), v: errMessageBytes},
		{name: "7-bit length", lim: small, bytes: []byte{text, 0x80 | 11}, v: errMessageBytes},
		{name: "fragments together", lim: small, bytes: join(client(textBegin, "123456"), client(goOn, "7890"), []byte{goOn, 0x81}), v: errMessageBytes},
		{name: "fragments exactly", lim: small, bytes: join(client(textBegin, "123456"), client(goOn, "7890"), client(goOnLast, "")), events: isText("1234567890")},
		{name: "the greatest length as a fragment", lim: small, bytes: join(client(textBegin, "1"), header(goOn, 1<<63-1)), v: errMessageBytes},
		{name: "control frames do not count", lim: small, bytes: join(client(textBegin, "12345"), client(ping, strings.Repeat("p", 125)), client(goOnLast, "67890")),
			events: []string{controlEvent(OpPing, bytes.Repeat([]byte("p"), 125)), messageEvent(true, false, []byte("1234567890"))}},
		{name: "compressed", lim: &Limits{MessageBytesMax: 10, Compression: true}, bytes: []byte{text | 0x40, 0x8B}, v: errMessageBytes},
	})
}

func TestBinaryIsRefusedAtItsSecondByte(t *testing.T) {
	lim := &Limits{MessageBytesMax: 100, TextOnly: true}
	check(t, []wire{
		{name: "text", lim: lim, bytes: join(client(textBegin, "a"), client(ping, "p"), client(goOnLast, "b")),
			events: []string{controlEvent(OpPing, []byte("p")), messageEvent(true, false, []byte("ab"))}},
		{name: "whole", lim: lim, bytes: []byte{binaryWord, 0x80}, v: errBinary},
		{name: "its first byte, which may be that of an unmasked frame", lim: lim, bytes: []byte{binaryWord}},
		{name: "unmasked", lim: lim, bytes: []byte{binaryWord, 0x01}, v: errUnmasked},
		{name: "whatever its length", lim: lim, bytes: []byte{binaryWord, 0xFF}, v: errBinary},
		{name: "first fragment", lim: lim, bytes: []byte{0x02, 0x81}, v: errBinary},
		{name: "after a text", lim: lim, bytes: join(client(text, "a"), []byte{binaryWord, 0x80}), events: isText("a"), v: errBinary},
		{name: "inside a text", lim: lim, bytes: join(client(textBegin, "a"), []byte{binaryWord}), v: errInterleaved},
		{name: "compressed", lim: &Limits{MessageBytesMax: 100, TextOnly: true, Compression: true}, bytes: []byte{binaryWord | 0x40, 0x80}, v: errBinary},
	})
}

func TestFragmentsAreBoundedInCount(t *testing.T) {
	lim := &Limits{MessageBytesMax: 100, FragmentsMax: 3}
	check(t, []wire{
		{name: "exactly", lim: lim, bytes: join(client(textBegin, "a"), client(goOn, "b"), client(goOnLast, "c")), events: isText("abc")},
		{name: "one more", lim: lim, bytes: join(client(textBegin, "a"), client(goOn, "b"), client(goOn, "c"), []byte{goOnLast, 0x80}), v: errMessagePieces},
		{name: "one more, unmasked", lim: lim, bytes: join(client(textBegin, "a"), client(goOn, "b"), client(goOn, "c"), []byte{goOnLast, 0x00}), v: errUnmasked},
		{name: "empty ones count", lim: lim, bytes: bytes.Join([][]byte{client(textBegin, ""), client(goOn, ""), client(goOn, ""), client(goOn, "")}, nil), v: errMessagePieces},
		{name: "counted for each message", lim: lim, bytes: join(client(textBegin, "a"), client(goOn, "b"), client(goOnLast, "c"), client(textBegin, "d"), client(goOnLast, "e"), client(text, "f")),
			events: slices.Concat(isText("abc"), isText("de"), isText("f"))},
	})
	endless := client(textBegin, "")
	for range 1024 + 100/64 {
		endless = append(endless, client(goOn, "")...)
	}
	if _, v := read(endless, &Limits{MessageBytesMax: 100}, len(endless)); v != errMessagePieces {
		t.Errorf("without a number of its own: %v", v)
	}
}

// However it is cut, and whatever comes between, the sink is told of each frame that is
// work: also of those without a byte.
func TestAMessageSaysInHowManyFramesItCame(t *testing.T) {
	for _, c := range []struct {
		name   string
		bytes  []byte
		frames int
	}{
		{"one", client(text, "a"), 1},
		{"one without a byte", client(text, ""), 1},
		{"two", join(client(textBegin, "a"), client(goOnLast, "b")), 2},
		{"many without a byte", join(client(textBegin, "a"), bytes.Repeat(client(goOn, ""), 500), client(goOnLast, "")), 502},
		{"pings between", join(client(textBegin, "a"), client(ping, "x"), client(goOn, ""), client(ping, "x"), client(goOnLast, "")), 3},
		{"after another one", join(client(textBegin, "a"), client(goOnLast, ""), client(text, "b")), 1},
	} {
		for _, size := range []int{1, 5, len(c.bytes)} {
			var r Reader
			h := &heard{}
			for piece := range slices.Chunk(slices.Clone(c.bytes), size) {
				if _, v := r.Feed(piece, &roomy, h); v != nil {
					t.Fatal(v)
				}
			}
			if h.frames != c.frames {
				t.Errorf("%s, in pieces of %d: %d frames, want %d", c.name, size, h.frames, c.frames)
			}
		}
	}
}

// A client that announces much and sends little must cost little.
func TestMemoryFollowsTheBytesThatCame(t *testing.T) {
	const readers, length = 200, 64 << 20
	lim := &Limits{MessageBytesMax: length}
	head := []byte{binaryWord, 0xFF, 0, 0, 0, 0, length >> 24, 0, 0, 0, 1, 2, 3, 4}
	all := make([]Reader, readers)
	before := heapBytes()
	for i := range all {
		if _, v := all[i].Feed(append(slices.Clone(head), make([]byte, 100)...), lim, &heard{}); v != nil {
			t.Fatal(v)
		}
	}
	if each := (heapBytes() - before) / readers; each > 2<<10 {
		t.Errorf("%d bytes held for each announced %d", each, length)
	}
	runtime.KeepAlive(all)
}

func TestMemoryAtMostDoublesWhatCame(t *testing.T) {
	const length = 2 << 20
	lim := &Limits{MessageBytesMax: length}
	for _, fragment := range []int{length, length / 8, 1 << 10} {
		var r Reader
		b := make([]byte, 0, length+length/fragment*headerBytesMax)
		for n := 0; n < length; n += fragment {
			first := byte(goOn)
			if n == 0 {
				first = binBegin
			}
			b = append(b, client(first, strings.Repeat("x", fragment))...)
		}
		for fed := 0; len(b) > 0; {
			n := min(len(b), 5_000)
			if _, v := r.Feed(b[:n], lim, &heard{}); v != nil {
				t.Fatal(v)
			}
			b, fed = b[n:], fed+n
			if r.p != nil && cap(r.p.data) > 2*fed+256 {
				t.Fatalf("fragments of %d: %d bytes held after %d came", fragment, cap(r.p.data), fed)
			}
		}
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestIdleReaderHoldsNothing(t *testing.T) {
	var r Reader
	for name, b := range map[string][]byte{
		"message":         client(text, "Hello"),
		"fragments":       join(client(textBegin, "a"), client(goOnLast, "b")),
		"control":         client(ping, "x"),
		"ping in between": join(client(textBegin, "a"), client(ping, "x"), client(goOnLast, "b")),
	} {
		for _, size := range []int{1, 3, len(b)} {
			for i := 0; i < len(b); i += size {
				if _, v := r.Feed(slices.Clone(b[i:min(i+size, len(b))]), &roomy, &heard{}); v != nil {
					t.Fatal(name, v)
				}
			}
			if r.p != nil {
				t.Errorf("%s in pieces of %d: the reader holds something at the end", name, size)
			}
		}
	}
}

func TestReaderHoldsNothingAfterViolation(t *testing.T) {
	var r Reader
	b := join(client(textBegin, "a"), client(textBegin, "b"))
	if _, v := r.Feed(b, &roomy, &heard{}); v != errInterleaved || r.p != nil {
		t.Errorf("violation %v, idle %v", v, r.p == nil)
	}
}
