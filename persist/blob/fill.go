package blob

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// fillBufferBytes is the memory of one Fill.
const fillBufferBytes = 16 << 10

var buffers = sync.Pool{New: func() any { return new([fillBufferBytes]byte) }}

// Fill writes what r yields until io.EOF to w, and returns how many bytes those are: for
// stores, which begin Put with it. Where r yields another number than size the error is
// ErrSize. The errors of r, of w and of ctx are returned as they are.
func Fill(ctx context.Context, w io.Writer, r io.Reader, size int64) (int64, error) {
	buffer := buffers.Get().(*[fillBufferBytes]byte)
	defer buffers.Put(buffer)
	var n int64
	for {
		read, readErr := readFull(ctx, r, buffer[:])
		if n += int64(read); size >= 0 && n > size {
			return n, fmt.Errorf("%w: more than %d bytes", ErrSize, size)
		}
		if _, err := w.Write(buffer[:read]); err != nil {
			return n, err
		}
		switch {
		case readErr == nil:
		case readErr != io.EOF:
			return n, readErr
		case size >= 0 && n < size:
			return n, fmt.Errorf("%w: %d bytes and not %d", ErrSize, n, size)
		default:
			return n, nil
		}
	}
}

// readFull fills the buffer unless r or ctx ends before. A reader that gives little at a
// time must not cost a write each.
func readFull(ctx context.Context, r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		var read int
		read, err = r.Read(buffer[n:])
		n += read
	}
	return n, err
}
