package netpoll

import (
	"time"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// Refusal is the HTTP answer to a handshake that the Handler does not want; the
// connection is closed after it.
type Refusal = handshake.Refusal

// refusalRetryAfter is what clients are told that come when the server is full or
// draining.
const refusalRetryAfter = 5 * time.Second

// request is what is kept of a request that is not complete yet.
type request struct {
	bytes    []byte
	seen     int  // bytes in which the end was looked for in vain
	returned bool // by Config.HTTP, which does not get the connection again
}

// gather collects a request until its header block is whole.
func (l *Loop) gather(c *Conn, b []byte) {
	seen, returned := 0, false
	if r := c.request; r != nil {
		r.bytes = append(r.bytes, b...)
		b, seen, returned = r.bytes, r.seen, r.returned
	}
	end := handshake.HeaderEnd(b, seen)
	if end < 0 {
		if c.request == nil {
			c.request = &request{bytes: append([]byte(nil), b...)}
		}
		c.request.seen = len(b)
		return
	}
	c.request = nil
	kind, refusal := handshake.Parse(b[:end], &l.request)
	switch {
	case refusal != nil:
		l.refuse(c, refusal, RefusedMalformed)
	case l.server.draining.Load():
		l.refuse(c, unavailable(), RefusedDraining)
	case kind == handshake.HTTP && (returned || l.server.cfg.HTTP == nil):
		l.refuse(c, &Refusal{Status: 426}, RefusedMalformed)
	case kind == handshake.HTTP:
		l.handOver(c, b)
	default:
		l.upgrade(c, b[end:])
	}
	l.request = handshake.Request{}
}

// upgrade answers a correct opening handshake. rest are the bytes that came with it.
func (l *Loop) upgrade(c *Conn, rest []byte) {
	session, refusal := l.server.cfg.Handler.Upgrade(requestOf(c, &l.request))
	if refusal != nil {
		l.refuse(c, refusal, RefusedHandler)
		return
	}
	if n := l.server.webSockets.Add(1); l.server.cfg.WebSocketsMax > 0 && n > int64(l.server.cfg.WebSocketsMax) {
		l.server.webSockets.Add(-1)
		l.refuse(c, unavailable(), RefusedConnections)
		return
	}
	if l.server.cfg.Compression {
		c.deflate = l.request.Deflate
	}
	accept := handshake.AppendAccept(make([]byte, 0, 256), &l.request, l.server.cfg.Compression)
	c.state = stateOpen
	c.mark = l.at
	c.session = session
	l.counts.open++
	l.counts.opened++
	l.push(c, accept)
	l.server.cfg.Handler.Open(c)
	if c.state == stateOpen && len(rest) > 0 {
		l.feed(c, rest)
	}
}

func requestOf(c *Conn, r *handshake.Request) *Request {
	return &Request{
		Path:          string(r.Path),
		RawQuery:      string(r.RawQuery),
		Host:          string(r.Host),
		Origin:        string(r.Origin),
		Authorization: string(r.Authorization),
		Remote:        c.Remote(),
		checked:       r,
	}
}

// refuse answers a handshake with a whole HTTP response and ends the connection.
func (l *Loop) refuse(c *Conn, r *Refusal, why RefusalReason) {
	l.counts.refused[why]++
	if body := l.server.cfg.RefusalBody; body != nil && r.ContentType == "" {
		told := *r
		told.ContentType, told.Body = body(r.Status, r.Text())
		r = &told
	}
	l.leave(c, r.Append(nil, l.now))
}

func unavailable() *Refusal {
	return &Refusal{Status: 503, RetryAfter: refusalRetryAfter}
}
