package outbox

import (
	"sync"
	"sync/atomic"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// deflateBytesMin is the size from which on a message is worth deflating.
const deflateBytesMin = 256

// WorthDeflating tells whether a message of n bytes is long enough for it.
func WorthDeflating(n int) bool { return n >= deflateBytesMin }

// Payload is one or several text messages, framed back to back in one buffer that
// never changes: however many connections it is sent to, the bytes exist once.
// The compressed form is made when the first connection needs it, and exists once,
// too. A Payload is safe for concurrent use.
type Payload struct {
	plain   []byte
	ends    []int  // where each message ends in plain
	longest int    // bytes of the longest message
	end     [1]int // ends of a single one

	deflated sync.Once
	packed   []byte      // what connections with compression get
	made     atomic.Bool // packed is there
}

// NewPayload frames the texts, which must be valid UTF-8. They are copied.
func NewPayload(texts ...[]byte) *Payload {
	size := 0
	for _, t := range texts {
		size += frame.HeaderBytesMax + len(t)
	}
	p := &Payload{plain: make([]byte, 0, size)}
	if p.ends = p.end[:0]; len(texts) > len(p.end) {
		p.ends = make([]int, 0, len(texts))
	}
	for _, t := range texts {
		p.plain = frame.AppendText(p.plain, t)
		p.ends = append(p.ends, len(p.plain))
		p.longest = max(p.longest, len(t))
	}
	return p
}

// Messages returns how many messages the payload holds.
func (p *Payload) Messages() int { return len(p.ends) }

// BytesFor returns what a connection with these parameters gets.
func (p *Payload) BytesFor(params deflate.Params) []byte {
	if !p.deflates(params) {
		return p.plain
	}
	p.deflated.Do(p.pack)
	return p.packed
}

// MadeFor tells whether BytesFor has no work with these parameters.
func (p *Payload) MadeFor(params deflate.Params) bool { return !p.deflates(params) || p.made.Load() }

func (p *Payload) deflates(params deflate.Params) bool {
	return WorthDeflating(p.longest) && params.Fits(p.longest)
}

// pack makes the compressed form: each message deflated by itself, or left as it
// is where that is not shorter.
func (p *Payload) pack() {
	var scratch []byte
	begin := 0
	for _, end := range p.ends {
		whole := p.plain[begin:end]
		begin = end
		if text := textOf(whole); WorthDeflating(len(text)) {
			if scratch = deflate.Deflate(scratch[:0], text); len(scratch) < len(text) {
				p.packed = frame.AppendFrame(p.packed, frame.OpText, true, scratch)
				continue
			}
		}
		p.packed = append(p.packed, whole...)
	}
	p.packed = append(make([]byte, 0, len(p.packed)), p.packed...) // it may live for long
	p.made.Store(true)
}

// textOf returns the text of a frame that AppendText made.
func textOf(framed []byte) []byte {
	switch framed[1] {
	case 127:
		return framed[10:]
	case 126:
		return framed[4:]
	default:
		return framed[2:]
	}
}
