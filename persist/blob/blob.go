package blob

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"time"
)

// What went wrong, to be found with errors.Is. Every error of a store is one of these, or
// the end of the caller's context, or the error of the reader that Put was given.
var (
	ErrNotFound    = errors.New("no such blob")
	ErrFull        = errors.New("the store of files has no room left")
	ErrUnavailable = errors.New("the store of files cannot be used")
	ErrKey         = errors.New("not a key of a blob")
	ErrRange       = errors.New("the range begins beyond the end of the blob")
	ErrSize        = errors.New("the blob has another size than was said")
	ErrNoURL       = errors.New("the store of files serves nothing by itself")
)

// SizeUnknown is a size that the caller of Put does not know.
const SizeUnknown = -1

// Blob is a store of files. All its methods are safe for concurrent use.
type Blob interface {
	// Put stores what r yields until io.EOF under key, in place of what is there, and returns
	// how many bytes those are. A blob is there whole or not at all, whatever happens
	// meanwhile, and once Put has returned it outlives a loss of power. size is in bytes, or
	// SizeUnknown; where r yields another number, nothing is stored and the error is ErrSize.
	// After ErrUnavailable, or the context's end, it may be there, whole, or come a little later:
	// a Delete some minutes later makes sure. Memory is bounded, however long r is. mime is what
	// the store may say of the blob if it serves it by itself. Put does not close r.
	Put(ctx context.Context, key string, r io.Reader, size int64, mime string) (int64, error)

	// Get returns a part of a blob, or ErrNotFound, or ErrRange. The caller closes it. ctx
	// holds for the reading too.
	Get(ctx context.Context, key string, part Range) (*Object, error)

	// Delete removes a blob. One that is not there is no error.
	Delete(ctx context.Context, key string) error

	// List yields every blob that was there before the call and is there still, in an order
	// of the store's own that does not change. After a key that it yielded, it goes on with
	// the next one, whether or not that blob is still there; after "" it begins. It ends
	// with the first error.
	List(ctx context.Context, after string) iter.Seq2[Info, error]

	// Presign returns a URL by which anybody may read the blob until ttl has passed, and
	// which answers with these headers. The error is ErrNoURL where the store has none: then
	// the caller serves the bytes. It asks nobody, so the blob need not be there.
	Presign(ctx context.Context, key string, ttl time.Duration, answer Answer) (string, error)

	// Check reports whether the store can be used now: ErrUnavailable, and why, where not.
	Check(ctx context.Context) error

	// Close gives back what the store holds, once nobody uses it.
	Close() error
}

// Range is a part of a blob in bytes. A Length below zero goes up to the end, and one that
// goes beyond the end up to there.
type Range struct{ Offset, Length int64 }

// Whole is all of a blob.
var Whole = Range{Length: -1}

// Of returns the part that the range is of so many bytes, or ErrRange where it begins
// beyond them. The beginning of an empty blob is no error.
func (r Range) Of(size int64) (Range, error) {
	if r.Offset < 0 || r.Offset > size || r.Offset == size && size > 0 {
		return Range{}, ErrRange
	}
	if left := size - r.Offset; r.Length < 0 || r.Length > left {
		r.Length = left
	}
	return r, nil
}

// Info is what a store knows of a blob.
type Info struct {
	Key      string
	Size     int64 // of the whole blob, in bytes
	Modified time.Time
}

// Answer is what a presigned URL says of the bytes, whatever was said at Put.
type Answer struct{ ContentType, ContentDisposition string }

// Object is a part of a blob that is being read: exactly Part.Length bytes. It is for one
// goroutine.
type Object struct {
	io.ReadCloser
	Info
	Part Range // with its true length

	// File is the open file that has the bytes, at the part's first one, or nil where they
	// come from elsewhere. It is for who sends them without reading them (sendfile), and sends
	// Part.Length bytes of it. Close of the Object closes it.
	File *os.File
}
