package rest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// serve answers the requests of a connection, one after another, until one of them or
// the client ends it.
func (s *Server) serve(in *conn) {
	defer in.end()
	defer func() {
		if fault := recover(); fault != nil {
			s.panics.Add(1)
			s.log.Error("rest: panic", "panic", fault, "stack", string(debug.Stack()))
		}
	}()
	for in.next() && s.serveNext(in) {
	}
}

// serveNext reads a request, judges it as strictly as the loops judge the first one of
// a connection, and answers it. It returns false where no other one may follow.
func (s *Server) serveNext(in *conn) (another bool) {
	var r handshake.Request
	until := time.Now().Add(readTimeout)
	kind, end, refusal := in.readHead(&r, until)
	switch {
	case end == 0:
		return false // the client is gone
	case refusal != nil:
		s.refuseHead(in, in.in.unread()[:end], refusal)
		return false
	case kind == handshake.WebSocket && s.cfg.Upgrade != nil:
		s.cfg.Upgrade(in.Conn, slices.Clone(in.in.unread()))
		return false
	}
	waits, ok := r.Continue()
	if !ok {
		s.refuseHead(in, in.in.unread()[:end], &handshake.Refusal{Status: http.StatusExpectationFailed})
		return false
	}
	ctx := contexts.Get().(*fasthttp.RequestCtx)
	defer recycle(ctx)
	ctx.Init2(in, quiet{s.log}, true)
	if err := readHeader(&ctx.Request.Header, in.in.unread()[:end]); err != nil {
		s.refuseHead(in, in.in.unread()[:end], &handshake.Refusal{Status: http.StatusBadRequest})
		return false
	}
	in.in.take(end)
	c := &call{Server: s, http: ctx, in: in, route: routeUnknown, until: until,
		body: body{server: s}, length: r.Length, chunked: r.Chunked, waits: waits, old: r.HTTP10(), last: r.Last}
	defer c.release()
	c.run()
	return c.respond()
}

// readHead waits for a whole head and judges it. end is how many bytes of it there
// are; 0 where the client went before the end.
func (c *conn) readHead(r *handshake.Request, until time.Time) (kind handshake.Kind, end int, refusal *handshake.Refusal) {
	if !c.awaitRest(until) {
		return 0, 0, nil
	}
	for seen := 0; ; {
		if end = handshake.HeaderEnd(c.in.unread(), seen); end >= 0 {
			end = min(end, len(c.in.unread()))
			kind, refusal = handshake.Parse(c.in.unread()[:end], r)
			if !c.places.resume(c) {
				refusal = tooMany()
			}
			return kind, end, refusal
		}
		seen = len(c.in.unread())
		if err := c.more(); err != nil {
			if refusal = c.refusalOf(err); refusal == nil {
				return 0, 0, nil
			}
			return 0, len(c.in.unread()), refusal
		}
	}
}

// refusalOf returns the answer to a client whose request did not come whole; nil where
// it is gone.
func (c *conn) refusalOf(err error) *handshake.Refusal {
	switch here := c.places.resume(c); {
	case !here:
		return tooMany()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &handshake.Refusal{Status: http.StatusRequestTimeout}
	}
	return nil
}

// refuseHead answers what is no request that can be answered otherwise. The connection
// ends with it, since nobody knows where the next request would begin.
func (s *Server) refuseHead(in *conn, head []byte, r *handshake.Refusal) {
	_ = in.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := in.Write(s.refusal(r, head))
	in.linger = err == nil
	s.observe(routeUnreadable, r.Status, time.Now())
}

// respond writes the answer, and tells whether another request may follow on the
// connection.
func (c *call) respond() (another bool) {
	answer := &c.http.Response
	another = c.passBody() && !c.last && !answer.ConnectionClose()
	switch {
	case !another:
		answer.SetConnectionClose()
	case c.old:
		answer.Header.Set(fasthttp.HeaderConnection, "keep-alive")
	}
	answer.SkipBody = c.http.IsHead()
	begun := time.Now()
	_ = c.in.SetWriteDeadline(begun.Add(writeTimeout))
	c.in.kept.Store(int64(len(answer.Body())))
	c.in.since.Store(begun.UnixNano())
	defer c.in.since.Store(0)
	w := writers.Get().(*bufio.Writer)
	defer func() {
		w.Reset(io.Discard)
		writers.Put(w)
	}()
	w.Reset(c.in.Conn)
	err := c.write(w)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.untaken.Add(1)
	}
	if err != nil {
		c.in.linger = false // who does not take the answer does not get more time
		return false
	}
	return another
}

// write writes the answer.
func (c *call) write(w *bufio.Writer) error {
	if c.sends != nil {
		return c.writeFile(w)
	}
	err := c.http.Response.Write(w)
	if err == nil {
		err = w.Flush()
	}
	return err
}

// passBody leaves behind what is left of the request's body. It returns false where
// that has not come yet: then the connection is closed rather than that a client whom
// nobody believes yet says what is read next.
func (c *call) passBody() bool {
	if c.bodyRead || c.length == 0 && !c.chunked {
		return true
	}
	unread := len(c.in.in.unread())
	if c.bodyStopped || c.chunked || int64(unread) < c.length {
		c.in.linger = true
		return false
	}
	c.in.in.take(int(c.length))
	return true
}

// contexts are requests and their answers, to be used again.
var contexts = sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }}

func recycle(ctx *fasthttp.RequestCtx) {
	ctx.Request.Reset()
	ctx.Response.Reset()
	ctx.ResetUserValues()
	contexts.Put(ctx)
}

var writers = sync.Pool{New: func() any { return bufio.NewWriter(io.Discard) }}

// headReader gives fasthttp a head in the form in which it reads one.
type headReader struct {
	bytes bytes.Reader
	whole *bufio.Reader
}

var headReaders = sync.Pool{New: func() any {
	h := new(headReader)
	h.whole = bufio.NewReaderSize(&h.bytes, handshake.HeaderBytesMax)
	return h
}}

// readHeader takes over a head that was judged, which fasthttp must read whole and no
// other way than that.
func readHeader(into *fasthttp.RequestHeader, head []byte) error {
	h := headReaders.Get().(*headReader)
	defer headReaders.Put(h)
	h.bytes.Reset(head)
	h.whole.Reset(&h.bytes)
	return into.Read(h.whole)
}
