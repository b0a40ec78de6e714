package frame

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Limits bounds what a peer may send. One Limits serves all connections; it does
// not change while a Reader uses it.
type Limits struct {
	MessageBytesMax int  // payload of a message, all fragments together, as it is on the wire
	FragmentsMax    int  // frames of one message; 0: 1,024 and one for each 64 bytes of MessageBytesMax
	TextOnly        bool // a binary message is a Violation, from its first two bytes on
	Compression     bool // permessage-deflate was negotiated: the compressed bit is allowed
}

func (l *Limits) fragmentsMax() int {
	if l.FragmentsMax > 0 {
		return l.FragmentsMax
	}
	return 1024 + l.MessageBytesMax/64
}

// Sink takes what a Reader reads, in the order in which it was complete. The
// payload is valid only during the call and may be changed by it. A method
// returns whether reading goes on; after false Feed returns at once, drops the
// rest, and the Reader must not be fed again.
type Sink interface {
	// Ready tells, before each frame and each part of one, whether it is wanted yet;
	// control says that it is of a control frame. After false Feed returns at once, and
	// the Reader is fed the rest later.
	Ready(control bool) bool
	// Message takes a whole data message, which came in so many frames. Uncompressed text
	// is valid UTF-8. A compressed payload is as it came: the sink inflates it, and checks
	// the UTF-8 of a text itself.
	Message(text, compressed bool, payload []byte, frames int) (goOn bool)
	// Control takes a ping, a pong or a close frame, also between the fragments
	// of a message. The payload of a close frame is one that ParseClose accepts.
	Control(op Op, payload []byte) (goOn bool)
}

// Reader reads one client's frames. The zero value is ready; between messages it
// is one nil pointer.
type Reader struct {
	p *partial // nil at the end of a message
}

// Reset gives back what the Reader holds of an incomplete message. It may be
// called at any time, also by a Sink during Feed, which then must return false.
func (r *Reader) Reset() {
	if r.p != nil {
		r.p.recycle()
		r.p = nil
	}
}

// Held returns how much memory the Reader keeps of a message that has not come whole.
func (r *Reader) Held() int {
	if r.p == nil {
		return 0
	}
	return cap(r.p.data)
}

// Feed reads all of b, unmasking it where it is, and calls the sink for each
// message and each control frame that becomes complete. What is incomplete is
// kept. It returns how many bytes it has read: less than all where the sink was not
// ready. After a Violation, as after a sink's false, the Reader must not be fed
// again; it holds nothing then.
//
// Whatever the cuts between the bytes fed, the sink sees the same calls and the
// Violation is the same, raised by the first byte that proves it.
func (r *Reader) Feed(b []byte, lim *Limits, s Sink) (read int, v *Violation) {
	for read < len(b) && s.Ready(r.inControl(b[read])) {
		n, goOn, v := r.step(b[read:], lim, s)
		read += n
		if v != nil {
			r.Reset()
			return read, v
		}
		if !goOn {
			return len(b), nil
		}
	}
	return read, nil
}

// inControl tells whether the next byte is of a control frame.
func (r *Reader) inControl(next byte) bool {
	op := Op(next & opMask)
	switch p := r.p; {
	case p == nil:
	case p.left > 0:
		op = p.frame.op
	case p.headBytes > 0:
		op = Op(p.head[0] & opMask)
	}
	return op.control()
}

// step reads one whole frame, or what b has of one, and returns how many bytes
// that took.
func (r *Reader) step(b []byte, lim *Limits, s Sink) (n int, goOn bool, v *Violation) {
	if r.p != nil && r.p.left > 0 {
		n = min(r.p.left, len(b))
		goOn, v = r.piece(b[:n], s)
		return n, goOn, v
	}
	var h header
	n, whole, v := r.header(&h, b, lim)
	if v != nil || !whole {
		return n, true, v
	}
	if h.length > len(b)-n {
		r.hold().beginCut(&h)
		return n, true, nil
	}
	payload := b[n : n+h.length]
	ws.Cipher(payload, h.mask, 0)
	goOn, v = r.whole(&h, payload, s)
	return n + h.length, goOn, v
}

// header reads the next frame's header, of which earlier bytes may have been
// kept, and returns how many bytes of b it took. Where b ends before the header,
// it is kept.
func (r *Reader) header(h *header, b []byte, lim *Limits) (n int, whole bool, v *Violation) {
	var m message
	if p := r.p; p != nil {
		m = message{p.open, p.frames, len(p.data)}
		if kept := p.headBytes; kept > 0 {
			joined := kept + copy(p.head[kept:], b)
			size, v := h.parse(p.head[:joined], lim, m)
			if v != nil || size == 0 {
				p.headBytes = joined
				return joined - kept, false, v
			}
			p.headBytes = 0
			return size - kept, true, nil
		}
	}
	size, v := h.parse(b, lim, m)
	if v != nil || size > 0 {
		return size, v == nil, v
	}
	p := r.hold()
	p.headBytes = copy(p.head[:], b)
	return len(b), false, nil
}

// whole takes a frame whose payload came in one piece.
func (r *Reader) whole(h *header, payload []byte, s Sink) (goOn bool, v *Violation) {
	if h.op.control() {
		return r.control(h.op, payload, s)
	}
	if h.fin && (r.p == nil || !r.p.open) {
		r.Reset() // it held this frame's header at most
		if h.op == OpText && !h.compressed && !utf8.Valid(payload) {
			return false, errText
		}
		return s.Message(h.op == OpText, h.compressed, payload, 1), nil
	}
	p := r.hold()
	p.begin(h)
	return r.data(payload, 0, h.fin, s)
}

// piece takes the next bytes of a frame that was cut.
func (r *Reader) piece(b []byte, s Sink) (goOn bool, v *Violation) {
	p := r.p
	ws.Cipher(b, p.frame.mask, p.frame.length-p.left)
	p.left -= len(b)
	if !p.frame.op.control() {
		return r.data(b, p.left, p.frame.fin, s)
	}
	p.control = append(p.control, b...)
	if p.left > 0 {
		return true, nil
	}
	return r.control(p.frame.op, p.control, s)
}

// data adds bytes to the message being assembled, of whose present frame `left`
// bytes are still to come, and hands it over when it is complete.
func (r *Reader) data(b []byte, left int, fin bool, s Sink) (goOn bool, v *Violation) {
	p := r.p
	p.add(b, left, fin)
	last := left == 0 && fin
	if !p.textValid(last) {
		return false, errText
	}
	if !last {
		return true, nil
	}
	r.p = nil // the sink may reset the Reader while it uses the payload
	goOn = s.Message(p.text, p.compressed, p.data, p.frames)
	p.recycle()
	return goOn, nil
}

// control hands a control frame over. The message around it goes on after it.
func (r *Reader) control(op Op, payload []byte, s Sink) (goOn bool, v *Violation) {
	if op == OpClose {
		if _, _, v := ParseClose(payload); v != nil {
			return false, v
		}
	}
	p := r.p
	r.p = nil // as above
	goOn = s.Control(op, payload)
	switch {
	case p == nil:
	case goOn && p.open:
		p.control = p.control[:0]
		r.p = p
	default:
		p.recycle()
	}
	return goOn, nil
}

// hold returns the partial, made if there is none.
func (r *Reader) hold() *partial {
	if r.p == nil {
		r.p = partials.Get().(*partial)
	}
	return r.p
}
