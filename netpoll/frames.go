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
	if rest := b[l.feed(c, b):]; len(rest) > 0 && c.stopped() {
		c.unread.bytes = append([]byte(nil), rest...)
		l.silenceMuch(c)
	}
}

// feed reads frames until the connection is paused or postponed, and returns how many bytes that were.
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

// resume looks at what was left when c was paused or postponed, and reads on where that
// does not stop it anew.
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
	case !c.state.listens():
	case c.reading():
		c.unread = nil
		if u.silent {
			l.readAgain(c)
		}
	default:
		u.bytes = b[read:]
		l.silenceMuch(c)
	}
}

// keepUnread keeps what came although the connection is not read: it is postponed and
// little has come yet, or gnet has read all the same, as it does where it has written and
// where it has heard of both at once.
func (l *Loop) keepUnread(c *Conn, b []byte) {
	u := c.unread
	if len(u.bytes)+len(b) > unreadBytesMax {
		l.finish(c, Closed{ClosePolicy, "too much at once", CauseProtocol})
		return
	}
	u.bytes = append(u.bytes, b...)
	if u.silent {
		l.watch(c, 0) // again: gnet has undone it
	}
	l.silenceMuch(c)
}

// silenceMuch has the rest wait in the kernel where much is kept of a postponed
// connection.
func (l *Loop) silenceMuch(c *Conn) {
	if c.postponed() && len(c.unread.bytes) > postponedBytesMax {
		l.silence(c)
	}
}

// violated ends a connection that broke the protocol.
func (l *Loop) violated(c *Conn, v *frame.Violation) {
	l.finish(c, Closed{v.Code, v.Reason, CauseProtocol})
}

// inbound is a Conn as the frame reader's sink.
type inbound Conn

// Ready tells whether the connection is read on, and pauses or postpones it where the
// Handler wants that.
func (in *inbound) Ready(control bool) bool {
	c := (*Conn)(in)
	if !c.reading() {
		return false
	}
	switch wait := c.loop.handler.Wait(c); {
	case wait <= 0, wait == UntilResume && control:
		return true
	case wait == UntilResume:
		c.postpone()
	default:
		c.pause(wait)
	}
	return false
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
	return c.state.listens()
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
	return c.state.listens()
}
