package deflate

import (
	"bufio"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Errors of Inflate.
var (
	ErrTooBig  = errors.New("inflated message too big")
	ErrCorrupt = errors.New("corrupt deflate data")
)

// WorthBytes is the size from which deflating a message is worth its while: a
// smaller one gains little or nothing (256 bytes of JSON: a quarter; 64: none).
const WorthBytes = 256

// flushBytes is how many bytes a flush leaves at the end of every message, which
// are not sent: an empty stored block without its three header bits.
const flushBytes = 4

// tail is what Inflate reads after a message: the flush that was not sent, and a
// last block, so that the end of the data is a clean end.
const tail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

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

// Inflate appends the message that src is the deflated form of to dst. A message
// of more than max bytes is ErrTooBig, found without inflating what is beyond;
// what is no deflate data is ErrCorrupt. With an error dst is returned as it came.
func Inflate(dst, src []byte, max int) ([]byte, error) {
	in := inflaters.Get().(*inflater)
	out, err := in.inflate(dst, src, max)
	in.rest = source{}
	inflaters.Put(in)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// inflater is one stream's state. Pooled: a connection has none between messages.
type inflater struct {
	flate io.Reader // also a flate.Resetter
	in    *bufio.Reader
	rest  source
}

var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.in = bufio.NewReader(&i.rest)
	i.flate = flate.NewReader(i.in)
	return i
}}

// source gives a message and then the tail.
type source struct {
	message []byte
	tail    string
}

func (s *source) Read(p []byte) (n int, err error) {
	n = copy(p, s.message)
	s.message = s.message[n:]
	if len(s.message) == 0 {
		m := copy(p[n:], s.tail)
		s.tail = s.tail[m:]
		n += m
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *source) len() int { return len(s.message) + len(s.tail) }

func (i *inflater) inflate(dst, src []byte, max int) ([]byte, error) {
	i.rest = source{src, tail}
	i.in.Reset(&i.rest)
	begin := len(dst)
	for {
		window := dst[begin:]
		window = window[len(window)-min(len(window), 32<<10):]
		if err := i.flate.(flate.Resetter).Reset(i.in, window); err != nil {
			return nil, err
		}
		var err error
		if dst, err = i.stream(dst, begin+max); err != nil {
			return nil, err
		}
		switch i.in.Buffered() + i.rest.len() {
		case 0, len(tail):
			return dst, nil
		}
	}
}

func (i *inflater) stream(dst []byte, end int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := i.flate.Read(dst[len(dst):min(cap(dst), end+1)])
		dst = dst[:len(dst)+n]
		if len(dst) > end {
			return nil, ErrTooBig
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, ErrCorrupt
		}
	}
}
