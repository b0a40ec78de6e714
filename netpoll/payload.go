package netpoll

import (
	"sync"

	"github.com/caravan-chat/caravan/netpoll/frame"
)

// Payload is one or several text messages, framed back to back in one buffer
// that never changes: however many connections it is sent to, the bytes exist
// once. It is safe for concurrent use.
type Payload struct {
	plain []byte
	ends  []int // where each message ends in plain

	once   sync.Once
	packed []byte // what compressed connections get; may be plain
	whole  *Payload
	first  int // this is whole from this message on, where whole is set
}

// NewPayload frames the texts, which must be valid UTF-8, and copies them.
func NewPayload(texts ...[]byte) *Payload {
	size := 0
	for _, t := range texts {
		size += frame.HeaderBytesMax + len(t)
	}
	p := &Payload{plain: make([]byte, 0, size), ends: make([]int, 0, len(texts))}
	for _, t := range texts {
		p.plain = frame.AppendText(p.plain, t)
		p.ends = append(p.ends, len(p.plain))
	}
	return p
}

// Messages returns how many messages the Payload holds.
func (p *Payload) Messages() int { return len(p.ends) }

// Size returns the bytes that an uncompressed connection gets.
func (p *Payload) Size() int { return len(p.plain) }

// From returns a Payload of the messages from number i on (0 is the first); it
// shares the bytes.
func (p *Payload) From(i int) *Payload { panic("skeleton") }
