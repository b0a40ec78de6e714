package netpoll

import "github.com/caravan-chat/caravan/netpoll/outbox"

// Payload is one or several text messages, framed back to back in one buffer that
// never changes: however many connections it is sent to, the bytes exist once.
// The compressed form is made when the first connection needs it, and exists once,
// too. A Payload is safe for concurrent use.
type Payload = outbox.Payload

// NewPayload frames the texts, which must be valid UTF-8. They are copied.
func NewPayload(texts ...[]byte) *Payload { return outbox.NewPayload(texts...) }

// Receipt is told that the bytes that it stands for have left a connection's outbox,
// written or dropped. It must not call back into this package.
type Receipt = outbox.Receipt

// Outcome says what became of a Send.
type Outcome = outbox.Outcome

// The outcomes.
const (
	Queued     = outbox.Queued     // it is written at the end of the turn, or when the client reads
	NotOpen    = outbox.NotOpen    // the connection is closing or closed: dropped
	Overflowed = outbox.Overflowed // it would have exceeded OutboxBytesMax: the connection is being closed
)
