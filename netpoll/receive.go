package netpoll

import (
	"unicode/utf8"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// receive takes what a socket brought. b is the loop's read buffer: valid, and
// ours to change, until the return.
func (l *Loop) receive(c *Conn, b []byte) {
	defer l.recovered(c)
	l.counts.bytesIn += uint64(len(b))
	switch c.state {
	case stateHandshake:
		c.heard = l.at
		l.gather(c, b)
	case stateOpen:
		c.heard = l.at
		l.feed(c, b)
	case stateEnding, stateLingering:
		l.discard(c, len(b))
	case stateBroken, stateGone:
	}
}

// feed reads frames.
func (l *Loop) feed(c *Conn, b []byte) {
	v := c.reader.Feed(b, &l.server.limits[limitsOf(c)], (*inbound)(c))
	if v != nil {
		l.violated(c, v)
	}
}

func limitsOf(c *Conn) int {
	if c.deflate.Agreed() {
		return limitsDeflate
	}
	return limitsPlain
}

// violated ends a connection that broke the protocol.
func (l *Loop) violated(c *Conn, v *frame.Violation) {
	l.finish(c, Closed{v.Code, v.Reason, CauseProtocol})
}

// inbound is a Conn as the frame reader's sink.
type inbound Conn

// Message hands a message to the Handler, inflated first where it is compressed.
func (in *inbound) Message(text, compressed bool, payload []byte) (goOn bool) {
	c := (*Conn)(in)
	l := c.loop
	if compressed {
		inflated, v := l.inflate(text, payload)
		if v != nil {
			l.violated(c, v)
			return false
		}
		payload = inflated
	}
	kind := Binary
	if text {
		kind = Text
	}
	l.counts.messagesIn++
	l.server.cfg.Handler.Message(c, kind, payload)
	return c.state == stateOpen
}

// What is found only after inflation.
var (
	errInflatedBytes = &frame.Violation{Code: CloseTooBig, Reason: "message too big"}
	errInflatedText  = &frame.Violation{Code: CloseInvalid, Reason: "text is not UTF-8"}
	errDeflateData   = &frame.Violation{Code: CloseInvalid, Reason: "corrupt compressed message"}
)

// inflate inflates a message into the loop's scratch buffer, which is in use until
// the Handler has returned.
func (l *Loop) inflate(text bool, payload []byte) ([]byte, *frame.Violation) {
	b, err := deflate.Inflate(l.inflated[:0], payload, l.server.cfg.MessageBytesMax)
	l.inflated = keep(b)
	switch {
	case err == deflate.ErrTooBig:
		return nil, errInflatedBytes
	case err != nil:
		return nil, errDeflateData
	case text && !utf8.Valid(b):
		return nil, errInflatedText
	}
	return b, nil
}

// Control answers pings and close frames.
func (in *inbound) Control(op frame.Op, payload []byte) (goOn bool) {
	c := (*Conn)(in)
	switch op {
	case frame.OpPing:
		c.loop.pinged(c, payload)
	case frame.OpClose:
		code, reason, _ := frame.ParseClose(payload) // the reader has checked it
		c.loop.finish(c, Closed{code, string(reason), CausePeer})
	}
	return c.state == stateOpen
}
