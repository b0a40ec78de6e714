package frame

import (
	"sync"
	"unicode/utf8"
)

// partial is what a Reader keeps from one Feed to the next: a message of which
// fragments came, a frame that was cut, a header that was cut. It is pooled, so
// that an idle connection has none.
type partial struct {
	// The message that is being assembled.
	open       bool // a frame of it began and its last one has not ended
	text       bool
	compressed bool
	frames     int
	data       []byte // its payload so far, unmasked
	checked    int    // bytes of data that are whole, valid characters; text only

	// The frame that was cut in its payload: left > 0.
	frame   header
	left    int    // payload bytes still to come
	control []byte // the payload so far, where it is a control frame

	// The header that was cut: headBytes > 0.
	head      [headerBytesMax]byte
	headBytes int
}

// dataKeptMax is the greatest assembly buffer that goes back into the pool with
// its partial: small, because whoever takes it from there may hold it for long.
const dataKeptMax = 4 << 10

var partials = sync.Pool{New: func() any {
	return &partial{control: make([]byte, 0, ControlPayloadMax)}
}}

// recycle forgets everything and gives p back to the pool.
func (p *partial) recycle() {
	data, control := p.data[:0], p.control[:0]
	if cap(data) > dataKeptMax {
		data = nil
	}
	*p = partial{data: data, control: control}
	partials.Put(p)
}

// begin notes a data frame's part in the message: its first frame opens it.
func (p *partial) begin(h *header) {
	if !p.open {
		p.open, p.text, p.compressed = true, h.op == OpText, h.compressed
	}
	p.frames++
}

// beginCut begins a frame whose payload is not all there.
func (p *partial) beginCut(h *header) {
	p.frame, p.left = *h, h.length
	if !h.op.control() {
		p.begin(h)
	}
}

// add appends b to the message. The buffer at most doubles what really came; in
// the message's last frame, of which `left` bytes are still to come, it does not
// grow beyond its end.
func (p *partial) add(b []byte, left int, fin bool) {
	have := len(p.data) + len(b)
	if have > cap(p.data) {
		room := max(2*have, 256)
		if fin {
			room = min(room, have+left)
		}
		grown := make([]byte, len(p.data), room)
		copy(grown, p.data)
		p.data = grown
	}
	p.data = append(p.data, b...)
}

// textValid checks the bytes of an uncompressed text that came since the last
// call. A character cut by the end of the bytes may go on in the next ones,
// unless they were the last; what cannot become a character fails at once.
func (p *partial) textValid(last bool) bool {
	if !p.text || p.compressed {
		return true
	}
	rest := p.data[p.checked:]
	whole := len(rest) - cutRune(rest)
	if !utf8.Valid(rest[:whole]) {
		return false
	}
	p.checked += whole
	return !last || whole == len(rest)
}

// cutRune returns how many bytes at the end of b are the beginning of a
// character that may still become valid.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(b[len(b)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
