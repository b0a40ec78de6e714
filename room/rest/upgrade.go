package rest

import (
	"bytes"
	"net"
	"slices"
	"time"

	"github.com/valyala/fasthttp"
)

// asksForWebSocket tells whether a request belongs to who serves the WebSockets,
// by the signs by which a connection's first request does: the word in Upgrade, or
// a key.
func asksForWebSocket(header *fasthttp.RequestHeader) bool {
	if header.Peek(fasthttp.HeaderSecWebSocketKey) != nil {
		return true
	}
	if header.Peek(fasthttp.HeaderUpgrade) == nil { // nearly always, and PeekAll allocates
		return false
	}
	for _, list := range header.PeekAll(fasthttp.HeaderUpgrade) {
		for protocol := range bytes.SplitSeq(list, []byte{','}) {
			if bytes.EqualFold(bytes.TrimSpace(protocol), []byte("websocket")) {
				return true
			}
		}
	}
	return false
}

// handBack gives the connection to Config.Upgrade once fasthttp has let go of it.
func (c *call) handBack() {
	in, ok := c.http.Conn().(*conn)
	if !ok {
		panic("rest: a connection that was not handed in")
	}
	upgrade, read := c.cfg.Upgrade, head(&c.http.Request.Header)
	c.http.HijackSetNoResponse(true)
	c.http.Hijack(func(buffered net.Conn) {
		upgrade(in.Conn, appendUnread(read, buffered))
	})
}

// head returns the request's head as it came. fasthttp keeps the header lines byte
// for byte, doubles included, but the request line only in parts: who ended that
// with LF alone, or sent empty lines before it, is not found out.
func head(header *fasthttp.RequestHeader) []byte {
	line := [][]byte{header.Method(), {' '}, header.RequestURI(), {' '}, header.Protocol(), {'\r', '\n'}}
	return slices.Concat(append(line, header.RawHeaders())...)
}

// appendUnread appends what was read from the socket and waits in buffers on the
// way to c's reader. A deadline that is over keeps the reads from the socket.
func appendUnread(b []byte, c net.Conn) []byte {
	if c.SetReadDeadline(time.Unix(1, 0)) != nil {
		return b // closed
	}
	for {
		b = slices.Grow(b, 512)
		n, err := c.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			return b
		}
	}
}
