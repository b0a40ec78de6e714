package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// serverFrame is an unmasked frame.
func serverFrame(first byte, p []byte) []byte {
	b := []byte{first}
	switch {
	case len(p) < 126:
		b = append(b, byte(len(p)))
	case len(p) < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(p)))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(len(p)))
	}
	return append(b, p...)
}

func TestSplitTakesFramesOfEveryLength(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 100_000} {
		payload := bytes.Repeat([]byte{'x'}, size)
		b := serverFrame(0x81, payload)
		for cut := range min(len(b), 20) {
			if _, n, err := Split(b[:cut], 1<<20); n != 0 || err != nil {
				t.Fatalf("size %d, first %d bytes: n=%d err=%v", size, cut, n, err)
			}
		}
		f, n, err := Split(append(b, 0xff), 1<<20)
		if err != nil || n != len(b) || !f.Fin || f.Op != OpText || !bytes.Equal(f.Payload, payload) {
			t.Fatalf("size %d: %d bytes, op %d, err %v", size, n, f.Op, err)
		}
	}
}

func TestSplitRefusesWhatAServerMustNotSend(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"reserved bit":    {[]byte{0xc1, 0}, ErrReservedBits},
		"masked":          {[]byte{0x81, 0x80, 0, 0, 0, 0}, ErrMasked},
		"opcode 3":        {[]byte{0x83, 0}, ErrOpcode},
		"opcode 11":       {[]byte{0x8b, 0}, ErrOpcode},
		"open ping":       {[]byte{0x09, 0}, ErrControlFrame},
		"long ping":       {serverFrame(0x89, make([]byte, 126)), ErrControlFrame},
		"too long":        {serverFrame(0x81, make([]byte, 1001)), ErrPayloadTooLong},
		"negative length": {[]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ErrPayloadTooLong},
	} {
		if _, n, err := Split(c.bytes, 1000); n != 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: n=%d, error %v, want %v", name, n, err, c.want)
		}
	}
}

// unmasked reads one masked frame of a client.
func unmasked(t testing.TB, b []byte) (op Op, payload, rest []byte) {
	t.Helper()
	if b[0]&0x80 == 0 || b[1]&0x80 == 0 {
		t.Fatalf("not a whole, masked frame: % x", b[:2])
	}
	size, at := int(b[1]&0x7f), 2
	switch size {
	case 126:
		size, at = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		size, at = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	key := [4]byte(b[at:])
	payload = bytes.Clone(b[at+4 : at+4+size])
	mask(payload, key, 0)
	return Op(b[0] & 0xf), payload, b[at+4+size:]
}

func TestAppendFrameMasksEveryLength(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		want := bytes.Repeat([]byte("abc"), size/3+1)[:size]
		op, got, rest := unmasked(t, AppendFrame(nil, OpText, [4]byte{1, 2, 3, 4}, want))
		if op != OpText || !bytes.Equal(got, want) || len(rest) != 0 {
			t.Errorf("size %d: op %d, %d bytes, %d left", size, op, len(got), len(rest))
		}
	}
	_, status, _ := unmasked(t, AppendClose(nil, [4]byte{9, 8, 7, 6}, 1000))
	if CloseCode(status) != 1000 || CloseCode(nil) != 1005 {
		t.Errorf("close codes %d, %d", CloseCode(status), CloseCode(nil))
	}
}

// Frames come out the same however their bytes are cut into reads.
func FuzzSplitDoesNotDependOnChunks(f *testing.F) {
	f.Add([]byte("hello"), []byte{}, uint8(1))
	f.Add(bytes.Repeat([]byte("x"), 300), []byte("second"), uint8(3))
	f.Fuzz(func(t *testing.T, one, two []byte, chunk uint8) {
		stream := append(serverFrame(0x81, one), serverFrame(0x01, two)...)
		stream = append(stream, serverFrame(0x80, one)...)
		var got [][]byte
		var held []byte
		for step := int(chunk)%7 + 1; len(stream) > 0; {
			n := min(step, len(stream))
			held = append(held, stream[:n]...)
			stream = stream[n:]
			for {
				fr, used, err := Split(held, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if used == 0 {
					break
				}
				got = append(got, bytes.Clone(fr.Payload))
				held = held[used:]
			}
		}
		if len(got) != 3 || !bytes.Equal(got[0], one) || !bytes.Equal(got[1], two) || !bytes.Equal(got[2], one) || len(held) != 0 {
			t.Fatalf("%d frames, %d bytes held", len(got), len(held))
		}
	})
}

// Split survives anything, and never claims more than it was given.
func FuzzSplit(f *testing.F) {
	f.Add([]byte{0x81, 0x05, 'h', 'e', 'l', 'l', 'o'})
	f.Fuzz(func(t *testing.T, p []byte) {
		fr, n, err := Split(p, 1000)
		if n > len(p) || (err != nil && n != 0) || len(fr.Payload) > 1000 {
			t.Fatalf("n=%d of %d, payload %d, err %v", n, len(p), len(fr.Payload), err)
		}
	})
}
