package rest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/caravan-chat/caravan/netpoll/handshake"
	"github.com/caravan-chat/caravan/room/allowance"
)

// Errors of reading a body.
var (
	errBodySize   = errors.New("the body is too large")
	errBodyRoom   = errors.New("too many bytes of bodies")
	errPlaceGone  = errors.New("the connection's place went to another one")
	errChunk      = errors.New("malformed chunk")
	errRequestCut = errors.New("the connection ended within a request")
)

// readBody reads the request's body, or refuses. While it waits for the client it has
// no place among those at work, so that those who send slowly keep nobody out.
func (c *call) readBody() bool {
	most := c.cfg.Limits.BodyBytes
	if c.length > int64(most) {
		c.refuse(errTooLarge)
		return false
	}
	if c.waits || c.chunked || c.length > int64(len(c.in.in.unread())) {
		c.unplace()
		c.bodyStopped = true
		if err := c.awaitBody(); err != nil {
			c.refuseBody(err)
			return false
		}
		c.bodyStopped = false
		if !c.place() {
			return false
		}
	} else if err := c.body.readLength(c.in, int(c.length)); err != nil {
		c.refuseBody(err)
		return false
	}
	c.bodyRead = true
	c.may.Charge(allowance.FrameBytes, len(c.body.bytes), time.Now())
	c.http.Request.SetBodyRaw(c.body.bytes)
	return true
}

// awaitBody reads a body that need not have come yet.
func (c *call) awaitBody() (err error) {
	if c.waits {
		_ = c.in.SetWriteDeadline(c.until)
		if _, err := c.in.Conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return err
		}
	}
	if !c.in.awaitRest(c.until) {
		return errPlaceGone
	}
	if c.chunked {
		err = c.body.readChunks(c.in, c.cfg.Limits.BodyBytes)
	} else {
		err = c.body.readLength(c.in, int(c.length))
	}
	if !c.in.places.resume(c.in) {
		return errPlaceGone
	}
	return err
}

// refuseBody answers a request whose body did not come as it should.
func (c *call) refuseBody(err error) {
	switch {
	case errors.Is(err, errBodySize):
		c.refuse(errTooLarge)
	case errors.Is(err, errBodyRoom):
		c.crowd(CrowdedBodies)
	case errors.Is(err, errPlaceGone):
		c.refuse(errCrowded)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.refuse(errTimeout)
	default:
		c.refuse(errBodyShape)
	}
}

// body is the body of a request while it is read. Its memory grows with what comes,
// whatever length was announced.
type body struct {
	server *Server
	bytes  []byte
	held   int // bytes that are counted in server.bodies
}

// grow makes room for at least one byte more, and for most at most.
func (b *body) grow(in *conn, most int) error {
	if cap(b.bytes) > len(b.bytes) {
		return nil
	}
	size := min(max(2*len(b.bytes), bodyBytesFirst), most)
	if b.server.bodies.Add(int64(size-b.held)) > b.server.bodiesMax {
		b.server.bodies.Add(int64(b.held - size))
		return errBodyRoom
	}
	b.held = size
	in.kept.Store(int64(size + len(in.in.array)))
	b.bytes = append(make([]byte, 0, size), b.bytes...)
	return nil
}

// free is called when nobody needs the bytes any more.
func (b *body) free() {
	b.server.bodies.Add(-int64(b.held))
	*b = body{server: b.server}
}

// readLength reads a body whose length was announced.
func (b *body) readLength(in *conn, length int) error {
	for len(b.bytes) < length {
		if err := b.grow(in, length); err != nil {
			return err
		}
		n, err := in.readInto(b.bytes[len(b.bytes):min(cap(b.bytes), length)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if n == 0 && err != nil {
			return fmt.Errorf("%w: %w", errRequestCut, err)
		}
	}
	return nil
}

// readChunks reads a body in chunks (RFC 9112 section 7.1), and the trailer, which
// nobody wants. Extensions are passed over, but bounded like all that is around the
// content.
func (b *body) readChunks(in *conn, most int) error {
	for around := 0; ; {
		line, err := readLine(in)
		if err != nil {
			return err
		}
		size, err := chunkSize(line)
		switch {
		case err != nil:
			return err
		case size == 0:
			return readTrailer(in)
		case size > most-len(b.bytes):
			return errBodySize
		}
		if around += len(line); around > chunkLinesBytes+len(b.bytes)*2 {
			return errChunk
		}
		if err := b.readChunk(in, size, most); err != nil {
			return err
		}
	}
}

// readChunk reads the content of a chunk and the line's end after it.
func (b *body) readChunk(in *conn, size, most int) error {
	for want := len(b.bytes) + size; len(b.bytes) < want; {
		if err := b.grow(in, most); err != nil {
			return err
		}
		n, err := in.readInto(b.bytes[len(b.bytes):min(cap(b.bytes), want)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if n == 0 && err != nil {
			return fmt.Errorf("%w: %w", errRequestCut, err)
		}
	}
	line, err := readLine(in)
	if err == nil && len(line) > 0 {
		err = errChunk
	}
	return err
}

// readLine reads a line of the chunks' own. It returns it without its end, which must
// be CRLF; the line is valid until the next read.
func readLine(in *conn) ([]byte, error) {
	for seen := 0; ; {
		b := in.in.unread()
		if end := bytes.IndexByte(b[seen:], '\n'); end >= 0 {
			line, ok := bytes.CutSuffix(b[:seen+end], []byte{'\r'})
			in.in.take(seen + end + 1)
			if !ok || len(line) > chunkLineBytes || slices.ContainsFunc(line, isControl) {
				return nil, errChunk
			}
			return line, nil
		}
		if seen = len(b); seen > chunkLineBytes {
			return nil, errChunk
		}
		if err := in.more(); err != nil {
			return nil, fmt.Errorf("%w: %w", errRequestCut, err)
		}
	}
}

func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// chunkSize reads the size that a chunk begins with. Spaces before an extension are
// what RFC 9112 calls bad, and refused.
func chunkSize(line []byte) (int, error) {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	if len(digits) == 0 {
		return 0, errChunk
	}
	size := 0
	for _, c := range digits {
		n := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if n < 0 || c < '0' {
			return 0, errChunk
		}
		if size = size<<4 | n; size > 1<<40 {
			return 0, errBodySize
		}
	}
	return size, nil
}

// readTrailer reads the fields after the last chunk, as strictly as those of a head.
func readTrailer(in *conn) error {
	for seen := 0; ; {
		b := in.in.unread()
		end := 2
		if !bytes.HasPrefix(b, []byte("\r\n")) {
			end = handshake.HeaderEnd(b, seen)
		}
		switch {
		case end > handshake.HeaderBytesMax:
			return errChunk
		case end >= 0 && end <= len(b):
			if !handshake.ValidFields(b[:end]) {
				return errChunk
			}
			in.in.take(end)
			return nil
		}
		seen = len(b)
		if err := in.more(); err != nil {
			return fmt.Errorf("%w: %w", errRequestCut, err)
		}
	}
}
