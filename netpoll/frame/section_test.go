package frame

import (
	"slices"
	"strings"
	"testing"
)

var roomy = Limits{MessageBytesMax: 1 << 20}
var deflating = Limits{MessageBytesMax: 1 << 20, Compression: true}

// wire is one case of a section: what a client sends, and what comes of it.
type wire struct {
	name   string
	lim    *Limits // nil: roomy
	bytes  []byte
	events []string
	v      *Violation
}

// check reads each case whole, in two pieces, and byte by byte (a long one in a
// thousand pieces).
func check(t *testing.T, cases []wire) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lim := c.lim
			if lim == nil {
				lim = &roomy
			}
			for _, size := range []int{len(c.bytes), (len(c.bytes) + 1) / 2, 1 + len(c.bytes)/1000} {
				events, v := read(c.bytes, lim, size)
				if v != c.v {
					t.Errorf("in pieces of %d: violation %v, want %v", size, v, c.v)
				}
				if !slices.Equal(events, c.events) {
					t.Errorf("in pieces of %d: heard %q, want %q", size, events, c.events)
				}
			}
		})
	}
}

func isText(s string) []string   { return []string{messageEvent(true, false, []byte(s))} }
func isBinary(s string) []string { return []string{messageEvent(false, false, []byte(s))} }

func TestSection5_1_FramesMustBeMasked(t *testing.T) {
	zero := append([]byte{text, 0x80 | 5, 0, 0, 0, 0}, "Hello"...)
	check(t, []wire{
		{name: "unmasked text", bytes: append([]byte{text, 5}, "Hello"...), v: errUnmasked},
		{name: "unmasked as soon as the bit is there", bytes: []byte{text, 5}, v: errUnmasked},
		{name: "unmasked, empty", bytes: []byte{text, 0}, v: errUnmasked},
		{name: "unmasked ping", bytes: []byte{ping, 0}, v: errUnmasked},
		{name: "unmasked close", bytes: []byte{closing, 0}, v: errUnmasked},
		{name: "unmasked continuation", bytes: join(client(textBegin, "a"), []byte{goOnLast, 0}), v: errUnmasked},
		{name: "a mask of zeros is a mask", bytes: zero, events: isText("Hello")},
	})
}

func TestSection5_2_ReservedBits(t *testing.T) {
	var cases []wire
	for _, bits := range []byte{0x10, 0x20, 0x30, 0x50, 0x60, 0x70} {
		for _, first := range []byte{text, binaryWord, closing, ping, pong, textBegin} {
			cases = append(cases,
				wire{name: "set", bytes: client(first|bits, "x"), v: errReservedBits},
				wire{name: "set, with compression", lim: &deflating, bytes: client(first|bits, "x"), v: errReservedBits},
				wire{name: "one byte is enough", bytes: []byte{first | bits}, v: errReservedBits})
		}
	}
	check(t, append(cases,
		wire{name: "RSV1 without compression", bytes: client(text|0x40, "x"), v: errCompressedBit},
		wire{name: "what came before is heard", bytes: join(client(text, "a"), client(text|0x20, "b")),
			events: isText("a"), v: errReservedBits}))
}

func TestSection5_2_ReservedOpcodes(t *testing.T) {
	var cases []wire
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			wire{name: "whole", bytes: client(fin|op, "x"), v: errOpcode},
			wire{name: "fragment", bytes: client(op, "x"), v: errOpcode},
			wire{name: "inside a message", bytes: join(client(textBegin, "a"), client(fin|op, "")), v: errOpcode},
			wire{name: "one byte is enough", bytes: []byte{fin | op}, v: errOpcode})
	}
	check(t, cases)
}

func TestSection5_2_Lengths(t *testing.T) {
	var cases []wire
	for _, n := range []int{0, 1, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536, 65537, 131072} {
		payload := strings.Repeat("*", n)
		cases = append(cases,
			wire{name: "text", bytes: client(text, payload), events: isText(payload)},
			wire{name: "binary", bytes: client(binaryWord, payload), events: isBinary(payload)})
	}
	m := testMask
	check(t, append(cases,
		wire{name: "16 bits for 125", bytes: []byte{text, 0xFE, 0, 125}, v: errLengthForm},
		wire{name: "16 bits for 0", bytes: []byte{text, 0xFE, 0, 0, m[0], m[1], m[2], m[3]}, v: errLengthForm},
		wire{name: "64 bits for 65535", bytes: []byte{text, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, v: errLengthForm},
		wire{name: "64 bits for 5", bytes: []byte{binaryWord, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5}, v: errLengthForm},
		wire{name: "highest bit", bytes: []byte{text, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1}, v: errLengthHighBit},
		wire{name: "all bits", bytes: []byte{text, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, v: errLengthHighBit},
	))
}

func TestSection5_3_EveryMaskAtEveryOffset(t *testing.T) {
	payload := strings.Repeat("The quick brown fox. ", 12)
	for _, mask := range [][4]byte{{}, {1, 2, 3, 4}, {0xFF, 0, 0xFF, 0}, {0x80, 0x80, 0x80, 0x80}, {0xDE, 0xAD, 0xBE, 0xEF}} {
		b := maskOnto(append([]byte{text, 0xFE, 0, byte(len(payload))}, mask[:]...), mask, payload)
		for cut := range len(b) {
			events, v := read(b, &roomy, cut, len(b))
			if v != nil || !slices.Equal(events, isText(payload)) {
				t.Fatalf("mask %x cut at %d: %q, %v", mask, cut, events, v)
			}
		}
	}
}

func TestSection5_4_Fragments(t *testing.T) {
	check(t, []wire{
		{name: "two", bytes: join(client(textBegin, "Hel"), client(goOnLast, "lo")), events: isText("Hello")},
		{name: "three, binary", bytes: join(client(binBegin, "a"), client(goOn, "b"), client(goOnLast, "c")), events: isBinary("abc")},
		{name: "all empty", bytes: join(client(textBegin, ""), client(goOn, ""), client(goOnLast, "")), events: isText("")},
		{name: "some empty", bytes: join(client(textBegin, ""), client(goOn, "x"), client(goOnLast, "")), events: isText("x")},
		{name: "two messages", bytes: join(client(textBegin, "a"), client(goOnLast, "b"), client(binBegin, "c"), client(goOnLast, "d")),
			events: append(isText("ab"), isBinary("cd")...)},
		{name: "whole after fragmented", bytes: join(client(textBegin, "a"), client(goOnLast, "b"), client(text, "c")),
			events: append(isText("ab"), isText("c")...)},
		{name: "continuation first", bytes: client(goOnLast, "x"), v: errContinuation},
		{name: "unfinished continuation first", bytes: client(goOn, "x"), v: errContinuation},
		{name: "continuation after a whole message", bytes: join(client(text, "x"), client(goOnLast, "")), events: isText("x"), v: errContinuation},
		{name: "continuation after the last one", bytes: join(client(textBegin, "a"), client(goOnLast, "b"), client(goOnLast, "c")),
			events: isText("ab"), v: errContinuation},
		{name: "text inside", bytes: join(client(textBegin, "a"), client(text, "b")), v: errInterleaved},
		{name: "binary inside", bytes: join(client(textBegin, "a"), client(binaryWord, "b")), v: errInterleaved},
		{name: "another beginning inside", bytes: join(client(textBegin, "a"), client(textBegin, "b")), v: errInterleaved},
		{name: "unfinished: nothing is heard", bytes: join(client(textBegin, "a"), client(goOn, "b"))},
	})
}

func TestSection5_5_ControlFrames(t *testing.T) {
	longest := strings.Repeat("p", 125)
	control := func(op Op, s string) []string { return []string{controlEvent(op, []byte(s))} }
	check(t, []wire{
		{name: "empty ping", bytes: client(ping, ""), events: control(OpPing, "")},
		{name: "longest ping", bytes: client(ping, longest), events: control(OpPing, longest)},
		{name: "ping that is not text", bytes: client(ping, "\x00\xFF\xFE"), events: control(OpPing, "\x00\xFF\xFE")},
		{name: "unasked pong", bytes: client(pong, "x"), events: control(OpPong, "x")},
		{name: "ping of 126", bytes: client(ping, longest+"x"), v: errControlLong},
		{name: "close of 126", bytes: client(closing, "\x03\xE8"+longest), v: errControlLong},
		{name: "too long as soon as the length says so", bytes: []byte{ping, 0xFE}, v: errControlLong},
		{name: "64-bit length", bytes: []byte{pong, 0xFF}, v: errControlLong},
		{name: "fragmented ping", bytes: client(ping&^fin, "x"), v: errControlCut},
		{name: "fragmented close", bytes: client(closing&^fin, ""), v: errControlCut},
		{name: "ping between fragments", bytes: join(client(textBegin, "a"), client(ping, "1"), client(goOn, "b"), client(pong, "2"), client(goOnLast, "c")),
			events: slices.Concat(control(OpPing, "1"), control(OpPong, "2"), isText("abc"))},
		{name: "ping inside a character", bytes: join(client(textBegin, "\xE2\x82"), client(ping, longest), client(goOnLast, "\xAC")),
			events: slices.Concat(control(OpPing, longest), isText("€"))},
		{name: "close between fragments", bytes: join(client(textBegin, "a"), client(closing, "\x03\xE8"), client(goOnLast, "b")),
			events: control(OpClose, "\x03\xE8")},
		{name: "nothing after close", bytes: join(client(closing, ""), client(text, "b"), []byte{0xFF, 0xFF}), events: control(OpClose, "")},
	})
}

func TestSection5_5_1_And_7_4_ClosePayload(t *testing.T) {
	reason := strings.Repeat("r", 123)
	cases := []wire{
		{name: "empty", bytes: client(closing, ""), events: []string{controlEvent(OpClose, nil)}},
		{name: "one byte", bytes: client(closing, "\x03"), v: errClosePayload},
		{name: "longest reason", bytes: client(closing, "\x03\xE8"+reason), events: []string{controlEvent(OpClose, []byte("\x03\xE8"+reason))}},
		{name: "reason not UTF-8", bytes: client(closing, "\x03\xE8\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"), v: errCloseReason},
		{name: "reason cut in a character", bytes: client(closing, "\x03\xE8\xE2\x82"), v: errCloseReason},
	}
	for code := range 1 << 16 {
		want := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
		if got := ValidCloseCode(uint16(code)); got != want {
			t.Errorf("ValidCloseCode(%d) = %v", code, got)
		}
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		payload := string([]byte{byte(code >> 8), byte(code)})
		cases = append(cases, wire{name: "invalid code", bytes: client(closing, payload), v: errCloseCode},
			wire{name: "invalid code with a reason", bytes: client(closing, payload+"why"), v: errCloseCode})
	}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		payload := []byte{byte(code >> 8), byte(code)}
		cases = append(cases, wire{name: "valid code", bytes: client(closing, string(payload)), events: []string{controlEvent(OpClose, payload)}})
	}
	check(t, cases)
}

func TestSection5_6_And_8_1_Text(t *testing.T) {
	const greek = "κόσμε"
	check(t, []wire{
		{name: "valid", bytes: client(text, "Hello-µ@ßöäüàá-UTF-8!!"), events: isText("Hello-µ@ßöäüàá-UTF-8!!")},
		{name: "cut in a character between fragments", bytes: join(client(textBegin, "\xCE"), client(goOn, "\xBA\xF0\x9F"), client(goOnLast, "\x98\x80")), events: isText("κ😀")},
		{name: "every byte a fragment", bytes: func() []byte {
			b := client(textBegin, "")
			for i := range len(greek) {
				b = append(b, client(goOn, greek[i:i+1])...)
			}
			return append(b, client(goOnLast, "")...)
		}(), events: isText(greek)},
		{name: "surrogate", bytes: client(text, greek+"\xED\xA0\x80edited"), v: errText},
		{name: "overlong", bytes: client(text, "\xC0\xAF"), v: errText},
		{name: "beyond U+10FFFF", bytes: client(text, greek+"\xF4\x90\x80\x80"), v: errText},
		{name: "cut at the end", bytes: client(text, greek+"\xF4\x80"), v: errText},
		{name: "cut at the end of the last fragment", bytes: join(client(textBegin, greek), client(goOnLast, "\xE2\x82")), v: errText},
		{name: "cut, then an empty last fragment", bytes: join(client(textBegin, "\xE2\x82"), client(goOnLast, "")), v: errText},
		{name: "fails in the fragment, which is not the last", bytes: client(textBegin, greek+"\xF4\x90"), v: errText},
		{name: "fails in the second fragment", bytes: join(client(textBegin, greek+"\xF4"), client(goOn, "\x90")), v: errText},
		{name: "fails before the frame is complete", bytes: client(text, greek+"\xF4\x90\x80\x80 and more to come")[:6+len(greek)+2], v: errText},
		{name: "U+FFFE, U+FFFF and U+FFFD are characters", bytes: client(text, "\uFFFE\uFFFF\uFFFD"), events: isText("\uFFFE\uFFFF\uFFFD")},
		{name: "binary is anything", bytes: client(binaryWord, "\xC0\xAF\xFF"), events: isBinary("\xC0\xAF\xFF")},
		{name: "fragmented binary is anything", bytes: join(client(binBegin, "\xFF"), client(goOnLast, "\xC0")), events: isBinary("\xFF\xC0")},
	})
}

func TestRFC7692Section6_CompressedBit(t *testing.T) {
	compressed := func(text bool, s string) []string { return []string{messageEvent(text, true, []byte(s))} }
	check(t, []wire{
		{name: "text", lim: &deflating, bytes: client(text|0x40, "\xFF\xFE"), events: compressed(true, "\xFF\xFE")},
		{name: "binary", lim: &deflating, bytes: client(binaryWord|0x40, "x"), events: compressed(false, "x")},
		{name: "uncompressed is allowed too", lim: &deflating, bytes: client(text, "x"), events: isText("x")},
		{name: "first fragment only", lim: &deflating, bytes: join(client(textBegin|0x40, "\xE2"), client(goOn, "\xE2"), client(goOnLast, "c")), events: compressed(true, "\xE2\xE2c")},
		{name: "then uncompressed again", lim: &deflating, bytes: join(client(textBegin|0x40, "a"), client(goOnLast, "b"), client(textBegin, "c"), client(goOnLast, "d")),
			events: append(compressed(true, "ab"), isText("cd")...)},
		{name: "on a continuation", lim: &deflating, bytes: join(client(textBegin|0x40, "a"), client(goOnLast|0x40, "b")), v: errCompressedBit},
		{name: "on a continuation of an uncompressed message", lim: &deflating, bytes: join(client(textBegin, "a"), client(goOn|0x40, "b")), v: errCompressedBit},
		{name: "on a ping", lim: &deflating, bytes: client(ping|0x40, "a"), v: errCompressedBit},
		{name: "on a close", lim: &deflating, bytes: client(closing|0x40, ""), v: errCompressedBit},
		{name: "not negotiated", bytes: client(text|0x40, "a"), v: errCompressedBit},
		{name: "not negotiated, fragment", bytes: client(textBegin|0x40, "a"), v: errCompressedBit},
	})
}
