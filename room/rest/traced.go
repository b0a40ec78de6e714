package rest

import (
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/trace"
)

// traceparent is the field that says within which span a call is made (W3C Trace Context).
const traceparent = "traceparent"

// span is of a call that is recorded. What it has stored is within it.
type span struct {
	at     *protocol.Trace // nil: it is not recorded
	parent [8]byte
}

// beginSpan begins the record of a call, of whom a token is known to be good: a stranger's word
// is worth nothing.
func (c *call) beginSpan() {
	if c.cfg.Tracer == nil {
		return
	}
	var parent *protocol.Trace
	if at, ok := protocol.ParseTrace(c.http.Request.Header.Peek(traceparent)); ok {
		parent, c.span.parent = &at, at.Span
	}
	c.span.at = c.cfg.Tracer.Begin(parent)
	c.ctx = trace.With(c.ctx, c.span.at)
}

// endSpan hands the record of a call over, which was answered.
func (c *call) endSpan(begun time.Time) {
	if c.span.at == nil {
		return
	}
	method, status := string(c.http.Method()), c.http.Response.StatusCode()
	s := &trace.Span{At: *c.span.at, Parent: c.span.parent, Name: method + " " + c.route, Start: begun, End: time.Now(), Attributes: []slog.Attr{
		slog.String("http.request.method", method), slog.String("http.route", c.route), slog.Int("http.response.status_code", status),
		slog.String("user.id", c.caller.User.String()),
	}}
	if status >= fasthttp.StatusInternalServerError {
		s.Failed = fasthttp.StatusMessage(status)
	}
	c.cfg.Tracer.End(s)
}
