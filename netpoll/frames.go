package netpoll

import (
	"time"
	"unicode/utf8"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// controlsMax is how many control frames of one read are looked at. A client that sends
// more at once is paused: it costs no more than another one.
const (
	controlsMax = 128
	floodPause  = 100 * time.Millisecond
)

// read looks at what a socket brought, and keeps what is not wanted yet.
func (l *Loop) read(c *Conn, b []byte) {
	if rest := b[l.feed(c, b):]; len(rest) > 0 && c.paused() {
		c.unread.bytes = append([]byte(nil), rest...)
	}
}

// feed reads frames until the connection is paused, and returns how many bytes that were.
func (l *Loop) feed(c *Conn, b []byte) (read int) {
	limits := framesPlain
	if c.deflate.Agreed() {
		limits = framesDeflate
	}
	l.controls = 0
	read, v := c.reader.Feed(b, &l.shared.limits.frames[limits], (*inbound)(c))
	if v != nil {
		l.violated(c, v)
	}
	return read
}

// resume looks at what was left when c was paused, and reads on where that does not
// pause it anew.
func (l *Loop) resume(c *Conn) {
	defer l.recovered(c)
	u := c.unread
	b := u.bytes
	u.bytes, u.feeding = nil, true
	if len(b) > 0 {
		c.heard = l.at
	}
	read := l.feed(c, b)
	switch {
	case c.state != stateOpen:
	case c.reading():
		c.unread = nil
		l.readAgain(c)
	default:
		u.bytes = b[read:]
	}
}

// postpone keeps what came although the connection is paused: gnet reads where it has
// written, and where it has heard of both at once.
func (l *Loop) postpone(c *Conn, b []byte) {
	if len(c.unread.bytes)+len(b) > unreadBytesMax {
		l.finish(c, Closed{ClosePolicy, "too much at once", CauseProtocol})
		return
	}
	c.unread.bytes = append(c.unread.bytes, b...)
	l.watch(c, 0)
}

// violated ends a connection that broke the protocol.
func (l *Loop) violated(c *Conn, v *frame.Violation) {
	l.finish(c, Closed{v.Code, v.Reason, CauseProtocol})
}

// inbound is a Conn as the frame reader's sink.
type inbound Conn

// Ready tells whether the connection is read on, and pauses it where the Handler wants
// that.
func (in *inbound) Ready() bool {
	c := (*Conn)(in)
	if !c.reading() {
		return false
	}
	wait := c.loop.handler.Wait(c)
	if wait > 0 {
		c.pause(wait)
	}
	return wait <= 0
}

// Message hands a message to the Handler, inflated first where it is compressed.
func (in *inbound) Message(text, compressed bool, payload []byte, frames int) (goOn bool) {
	c := (*Conn)(in)
	l := c.loop
	l.received = len(payload) + frames*frame.HeaderBytesMin
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
	errDeflateBlocks = &frame.Violation{Code: CloseTooBig, Reason: "message in too many blocks"}
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
	case err == deflate.ErrBlocks:
		return nil, errDeflateBlocks
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
	if c.loop.controls++; c.loop.controls >= controlsMax {
		c.pause(floodPause)
	}
	switch op {
	case frame.OpPing:
		c.loop.pinged(c, payload)
	case frame.OpClose:
		code, reason, _ := frame.ParseClose(payload) // the reader has checked it
		c.loop.finish(c, Closed{code, string(reason), CausePeer})
	}
	return c.state == stateOpen
}
