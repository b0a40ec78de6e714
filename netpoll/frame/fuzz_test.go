package frame

import (
	"slices"
	"strings"
	"testing"
)

// seeds holds at least one case of each section of the RFCs.
func seeds() [][]byte {
	return [][]byte{
		client(text, "Hello"), // 5.7
		{text, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, // 5.7, as printed
		append([]byte{text, 5}, "Hello"...),                                // 5.1
		client(text|0x20, "x"),                                             // 5.2
		client(fin|0x3, "x"),                                               // 5.2
		client(fin|0xB, "x"),                                               // 5.2
		client(text, strings.Repeat("x", 126)),                             // 5.2
		{text, 0xFE, 0, 125},                                               // 5.2
		{text, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF},                         // 5.2
		{text, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0},                            // 5.2
		join(client(textBegin, "a"), client(ping, "b"), client(goOn, "c"), client(goOnLast, "d")), // 5.4
		client(goOn, "x"), // 5.4
		join(client(textBegin, "a"), client(binaryWord, "b")), // 5.4
		client(ping&^fin, ""),                                   // 5.5
		client(pong, strings.Repeat("x", 126)),                  // 5.5
		client(closing, ""),                                     // 5.5.1
		client(closing, "\x03"),                                 // 5.5.1
		join(client(closing, "\x03\xE8bye"), client(text, "x")), // 5.5.1
		client(closing, "\x03\xED"),                             // 7.4.1
		client(closing, "\x03\xE8\xFF"),                         // 8.1
		join(client(textBegin, "\xE2"), client(goOn, "\x82"), client(goOnLast, "\xAC")),    // 8.1
		join(client(textBegin, "κόσμε\xF4"), client(goOnLast, "\x90")),                     // 8.1
		client(text|0x40, "\xF2\x48\xCD\xC9\xC9\x07\x00"),                                  // RFC 7692 7.2.3.1
		join(client(textBegin|0x40, "\xF2\x48\xCD"), client(goOnLast, "\xC9\xC9\x07\x00")), // RFC 7692 7.2.3.1
		client(binaryWord, strings.Repeat("x", 400)),                                       // over the limit below
	}
}

// FuzzReader compares the Reader with the model, the bytes cut as the fuzzer
// likes.
func FuzzReader(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b, []byte{1}, true, false)
		f.Add(b, []byte{2, 7}, false, true)
		f.Add(b, []byte{255}, true, true)
	}
	f.Fuzz(func(t *testing.T, b, cuts []byte, compression, textOnly bool) {
		lim := &Limits{MessageBytesMax: 300, FragmentsMax: 6, TextOnly: textOnly, Compression: compression}
		sizes := []int{1}
		for _, c := range cuts {
			sizes = append(sizes, int(c))
		}
		wantEvents, wantV := model(b, lim)
		for _, sizes := range [][]int{{len(b)}, {1}, sizes[min(len(cuts), 1):]} {
			events, v := read(b, lim, sizes...)
			if v != wantV {
				t.Fatalf("pieces %v: violation %v, the model says %v", sizes, v, wantV)
			}
			if !slices.Equal(events, wantEvents) {
				t.Fatalf("pieces %v: heard %q, the model %q", sizes, events, wantEvents)
			}
		}
		for _, size := range []int{len(b), sizes[len(sizes)-1]} {
			if events, v := readHesitantly(b, lim, size); v != wantV || !slices.Equal(events, wantEvents) {
				t.Fatalf("with pauses: heard %q, %v; the model %q, %v", events, v, wantEvents, wantV)
			}
		}
	})
}

// FuzzReaderFrames does the same with bytes that are mostly correct frames: each
// byte of script picks the next one, so that the fuzzer gets deep.
func FuzzReaderFrames(f *testing.F) {
	f.Add([]byte("\x00\x11\x22\x33\x44\x55\x66\x77"), "Hellö wörld", []byte{3})
	f.Add([]byte{0x02, 0x03, 0x14, 0x25, 0x06}, "κόσμε", []byte{1})
	f.Add([]byte{0x02, 0x34, 0x35, 0x36}, "😀😀😀😀", []byte{9, 1})
	f.Fuzz(func(t *testing.T, script []byte, words string, cuts []byte) {
		firsts := []byte{text, binaryWord, textBegin, goOn, goOnLast, ping, pong, textBegin | 0x40, text | 0x40, binBegin, closing}
		var b []byte
		for i, c := range script {
			n := int(c >> 4)
			from := min(i*n, len(words))
			b = append(b, client(firsts[int(c&0xF)%len(firsts)], words[from:min(from+n, len(words))])...)
		}
		lim := &Limits{MessageBytesMax: 300, FragmentsMax: 20, Compression: true}
		sizes := []int{1}
		for _, c := range cuts {
			sizes = append(sizes, int(c))
		}
		wantEvents, wantV := model(b, lim)
		for _, sizes := range [][]int{{len(b) + 1}, {1}, sizes} {
			events, v := read(b, lim, sizes...)
			if v != wantV || !slices.Equal(events, wantEvents) {
				t.Fatalf("pieces %v: heard %q, %v; the model %q, %v", sizes, events, v, wantEvents, wantV)
			}
		}
		for _, size := range []int{len(b), sizes[len(sizes)-1]} {
			if events, v := readHesitantly(b, lim, size); v != wantV || !slices.Equal(events, wantEvents) {
				t.Fatalf("with pauses: heard %q, %v; the model %q, %v", events, v, wantEvents, wantV)
			}
		}
	})
}

// FuzzClose compares ParseClose with the model, and what AppendClose makes of an
// accepted payload with that payload.
func FuzzClose(f *testing.F) {
	for _, s := range []string{"", "\x03", "\x03\xE8", "\x03\xE8bye", "\x03\xED", "\x0F\xA0\xE2\x82", "\x13\x88", "\x03\xF6\xC3\xA9"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		code, reason, v := ParseClose(payload)
		if want := modelClose(payload); v != want {
			t.Fatalf("%v, the model says %v", v, want)
		}
		if v != nil || len(payload) > ControlPayloadMax {
			return
		}
		if back := payloadOf(AppendClose(nil, code, string(reason))); string(back) != string(payload) {
			t.Fatalf("% x comes back as % x", payload, back)
		}
	})
}
