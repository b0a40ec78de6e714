package netpoll

import (
	"sync"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// deflateBytesMin is the size from which on a message is worth deflating.
const deflateBytesMin = 256

func worthDeflating(n int) bool { return n >= deflateBytesMin }

// Payload is one or several text messages, framed back to back in one buffer that
// never changes: however many connections it is sent to, the bytes exist once.
// The compressed form is made when the first connection needs it, and exists once,
// too. A Payload is safe for concurrent use.
type Payload struct {
	plain   []byte
	ends    []int // where each message ends in plain, plus start
	start   int   // where this part begins in the whole
	longest int   // bytes of the longest message

	whole *Payload // nil, or what this is the later part of
	first int      // the number of its first message in the whole

	deflated   sync.Once
	packed     []byte // what connections with compression get; plain itself where nothing is gained
	packedEnds []int
}

// NewPayload frames the texts, which must be valid UTF-8. They are copied.
func NewPayload(texts ...[]byte) *Payload {
	size := 0
	for _, t := range texts {
		size += frame.HeaderBytesMax + len(t)
	}
	p := &Payload{plain: make([]byte, 0, size), ends: make([]int, 0, len(texts))}
	for _, t := range texts {
		p.plain = frame.AppendText(p.plain, t)
		p.ends = append(p.ends, len(p.plain))
		p.longest = max(p.longest, len(t))
	}
	return p
}

// Messages returns how many messages the Payload holds.
func (p *Payload) Messages() int { return len(p.ends) }

// Size returns the bytes that a connection without compression gets.
func (p *Payload) Size() int { return len(p.plain) }

// From returns the messages from number i on (0 is the first) as a Payload of its
// own, which shares the bytes.
func (p *Payload) From(i int) *Payload {
	if i <= 0 {
		return p
	}
	if i >= len(p.ends) {
		return &Payload{}
	}
	part := &Payload{
		plain:   p.plain[p.ends[i-1]-p.start:],
		ends:    p.ends[i:],
		start:   p.ends[i-1],
		longest: p.longest,
		whole:   p.whole,
		first:   p.first + i,
	}
	if part.whole == nil {
		part.whole = p
	}
	return part
}

// bytesFor returns what a connection with these parameters gets.
func (p *Payload) bytesFor(params deflate.Params) []byte {
	if !worthDeflating(p.longest) || !params.Fits(p.longest) {
		return p.plain
	}
	if p.whole == nil {
		p.deflated.Do(p.pack)
		return p.packed
	}
	p.whole.deflated.Do(p.whole.pack)
	return p.whole.packed[p.whole.packedEnds[p.first-1]:]
}

// pack makes the compressed form: each message deflated by itself, or left as it
// is where that is not shorter.
func (p *Payload) pack() {
	var scratch []byte
	begin := 0
	for _, end := range p.ends {
		whole := p.plain[begin:end]
		begin = end
		if text := textOf(whole); worthDeflating(len(text)) {
			if scratch = deflate.Deflate(scratch[:0], text); len(scratch) < len(text) {
				p.packed = frame.AppendFrame(p.packed, frame.OpText, true, scratch)
				p.packedEnds = append(p.packedEnds, len(p.packed))
				continue
			}
		}
		p.packed = append(p.packed, whole...)
		p.packedEnds = append(p.packedEnds, len(p.packed))
	}
	p.packed = append(make([]byte, 0, len(p.packed)), p.packed...)
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
