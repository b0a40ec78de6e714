package deflate

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzInflate compares Inflate with the standard library on arbitrary bytes.
func FuzzInflate(f *testing.F) {
	for _, s := range []string{
		"\xf2\x48\xcd\xc9\xc9\x07\x00", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"\xf3\x48\xcd\xc9\xc9\x07\x00", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "\x00", "", "\x03\x00\x03\x00", "\x06",
		"\x00\x04\x00\xfb\xff", "\x00\x05\x00\xfa\xff", "\x00\x02\x00\xfd\xff",
	} {
		f.Add([]byte(s))
	}
	for _, level := range []int{-2, 1, 9} {
		f.Add(deflated(chatter(300), level))
		f.Add(deflated(bytes.Repeat([]byte("ab"), 3000), level))
	}
	w := &bitWriter{}
	emptyDynamicBlock(w)
	emptyDynamicBlock(w)
	f.Add(w.b)
	const limit = 8 << 10
	f.Fuzz(func(t *testing.T, src []byte) {
		kept := bytes.Clone(src)
		got, err := Inflate(nil, src, limit)
		want, wantErr := oracle(src, limit)
		if !bytes.Equal(src, kept) {
			t.Fatal("the source was changed")
		}
		if errors.Is(err, ErrBlocks) {
			return // the standard library takes any number
		}
		// Which of the two is found first may differ.
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, the standard library: %v", err, wantErr)
		}
		if err != nil && !errors.Is(err, ErrTooBig) && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q, the standard library %q", got, want)
		}
		if cap(got) > 2*limit {
			t.Fatalf("%d bytes of memory", cap(got))
		}
	})
}

// FuzzRoundTrip sends a message through Deflate, and through the standard
// library's writer, and wants it back; one byte less of room must be an error.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), uint16(1), byte(1))
	f.Add(chatter(500), uint16(3), byte(3))
	f.Add(noise(300), uint16(30), byte(1))
	f.Fuzz(func(t *testing.T, piece []byte, times uint16, level byte) {
		piece = piece[:min(len(piece), 1000)]
		message := bytes.Repeat(piece, int(times)%40)
		for _, src := range [][]byte{Deflate(nil, message), deflated(message, []int{-2, 0, 1, 6}[level%4])} {
			got, err := Inflate(nil, src, len(message))
			if err != nil || !bytes.Equal(got, message) {
				t.Fatalf("%d bytes back of %d, %v", len(got), len(message), err)
			}
			if len(message) == 0 {
				continue
			}
			if _, err := Inflate(nil, src, len(message)-1); !errors.Is(err, ErrTooBig) {
				t.Fatalf("one byte less of room: %v", err)
			}
		}
	})
}

// FuzzNegotiate checks that whatever is offered, the answer is one that a client
// takes: it is itself a correct, acceptable offer.
func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"permessage-deflate", "permessage-deflate; client_max_window_bits", `permessage-deflate; server_max_window_bits="10"`,
		"foo, permessage-deflate; server_no_context_takeover", "permessage-deflate; a=\"\\\"\"", ",,", "permessage-deflate;;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		p, err := Negotiate(field)
		answer := p.AppendResponse(nil)
		if (err != nil || !p.Agreed()) && len(answer) > 0 {
			t.Fatalf("%q: %v, and answered %q", field, err, answer)
		}
		if len(answer) == 0 {
			return
		}
		again, err := Negotiate(answer)
		if err != nil || again != p {
			t.Fatalf("%q: answered %q, which reads as %v, %v", field, answer, again, err)
		}
	})
}
