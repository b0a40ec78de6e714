package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// chatter returns n bytes of the kind that rooms send.
func chatter(n int) []byte {
	words := [...]string{"the", "train", "leaves", "at", "nine", "we", "meet", "in", "front", "of", "hotel", "bring", "your", "passport",
		"and", "water", "tomorrow", "morning", "I", "will", "be", "late", "traffic", "sorry", "ok"}
	b := []byte(`{"type":"chat_message","message":{"id":"0198c0de-1234-7abc-8def-0123456789ab","sender":{"email":"user17@example.com"},"content":"`)
	x := uint32(7)
	for len(b) < n {
		x = x*1664525 + 1013904223
		b = append(append(b, words[int(x>>16)%len(words)]...), ' ')
	}
	return b[:n]
}

// noise returns n bytes that cannot be deflated.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}

// writers are the standard library's, by level; making one costs a megabyte.
var writers = map[int]*flate.Writer{}

// deflated is what another implementation makes of a message.
func deflated(message []byte, level int) []byte {
	w := writers[level]
	if w == nil {
		var err error
		if w, err = flate.NewWriter(nil, level); err != nil {
			panic(err)
		}
		writers[level] = w
	}
	var out bytes.Buffer
	w.Reset(&out)
	// Writing to a Buffer does not fail.
	_, _ = w.Write(message)
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), tail[:])
}

// oracle inflates with the standard library. A block that ends the data, which it
// wants to see, is put behind the tail in two forms: a stream that happens to take
// one of them for something else does not take the other for the same.
func oracle(src []byte, max int) ([]byte, error) {
	a, errA := standard(src, "\x01\x00\x00\xff\xff", max)
	b, errB := standard(src, "\x03\x00", max)
	switch {
	case errors.Is(errA, ErrTooBig) && errors.Is(errB, ErrTooBig):
		return nil, ErrTooBig
	case errA != nil || errB != nil || !bytes.Equal(a, b):
		return nil, ErrCorrupt
	}
	return a, nil
}

func standard(src []byte, end string, max int) (out []byte, err error) {
	in := bytes.NewReader([]byte(string(src) + string(tail[:]) + end))
	for {
		r := flate.NewReaderDict(in, out[len(out)-min(len(out), 32<<10):])
		more, err := io.ReadAll(io.LimitReader(r, int64(max+1-len(out))))
		if out = append(out, more...); len(out) > max {
			return nil, ErrTooBig
		}
		if err != nil {
			return nil, ErrCorrupt
		}
		if left := in.Len(); left == 0 || left == len(tail)+len(end) {
			return out, nil
		}
	}
}

// bitWriter writes deflate data by hand.
type bitWriter struct {
	b []byte
	n uint
}

func (w *bitWriter) put(count int, v int) {
	for i := range count {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}
