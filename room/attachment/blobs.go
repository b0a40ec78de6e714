package attachment

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Errors of Blobs, to be tested with errors.Is.
var (
	ErrNoBytes = errors.New("no such bytes")
	ErrBlobs   = errors.New("the store of files cannot be used")
)

// Blobs keeps bytes by key. What it says of its reader is the reader's own error; everything
// else that goes wrong is ErrBlobs, or the context's end.
type Blobs interface {
	// Put stores what r yields until io.EOF, and returns how many bytes those are. Once it has
	// returned they outlive a loss of power. After ErrBlobs, or the context's end, they may be
	// there, or come a little later, even after Delete.
	Put(ctx context.Context, key string, r io.Reader, mime string) (int64, error)
	// Get returns a part of the bytes, or ErrNoBytes. A length below zero goes up to the end.
	Get(ctx context.Context, key string, offset, length int64) (*Bytes, error)
	// Delete removes bytes, if they are there.
	Delete(ctx context.Context, key string) error
	// Presign returns a URL by which anybody may read the bytes for a while, or none: then they
	// are served here.
	Presign(ctx context.Context, key string, ttl time.Duration, contentType, disposition string) (string, error)
}

// Bytes is a part of what is stored. The caller closes it.
type Bytes struct {
	io.ReadCloser
	Length int64    // of the part
	Size   int64    // of all the bytes
	File   *os.File // has the part at its position, and may be sent by itself; nil: only to be read
}
