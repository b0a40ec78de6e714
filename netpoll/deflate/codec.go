package deflate

import "errors"

// Errors of Inflate.
var (
	ErrTooBig  = errors.New("inflated message too big")
	ErrCorrupt = errors.New("corrupt deflate data")
)

// Deflate appends src, deflated as one message (RFC 7692 section 7.2.1: flushed,
// the trailing 00 00 ff ff taken off), to dst. It may come out longer than src:
// then send src.
func Deflate(dst, src []byte) []byte { return dst }

// Inflate appends the message that src was deflated from to dst and returns it. More than
// max bytes of it are ErrTooBig, found before they are stored; what is no deflate
// data is ErrCorrupt. With an error dst is returned as it came.
func Inflate(dst, src []byte, max int) ([]byte, error) { return dst, nil }
