package deflate

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// flushBytes is how many bytes a flush leaves at the end of every message, which
// are not sent: an empty stored block without its three header bits.
const flushBytes = 4

// Deflate appends src, deflated as one message (RFC 7692 section 7.2.1: flushed,
// the flush's trailing 00 00 ff ff taken off), to dst. It may come out longer
// than src: then send src.
func Deflate(dst, src []byte) []byte {
	if len(src) == 0 {
		return append(dst, 0) // section 7.2.3.6
	}
	out := appenders.Get().(*appender)
	out.b = dst
	// Writing to memory cannot fail, and StatelessDeflate has no other error.
	_ = flate.StatelessDeflate(out, src, false, nil)
	dst, out.b = out.b, nil
	appenders.Put(out)
	return dst[:len(dst)-flushBytes]
}

// appender is an io.Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

var appenders = sync.Pool{New: func() any { return new(appender) }}
