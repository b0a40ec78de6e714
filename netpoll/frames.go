package netpoll

import (
	"unicode/utf8"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// feed reads frames.
func (l *Loop) feed(c *Conn, b []byte) {
	limits := framesPlain
	if c.deflate.Agreed() {
		limits = framesDeflate
	}
	if v := c.reader.Feed(b, &l.shared.limits.frames[limits], (*inbound)(c)); v != nil {
		l.violated(c, v)
	}
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
	l.handler.Message(c, kind, payload)
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
	b, err := deflate.Inflate(l.inflated[:0], payload, l.shared.limits.messageBytesMax)
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
