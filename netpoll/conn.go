package netpoll

import "net/netip"

// Conn is one client. All methods belong to the connection's loop.
type Conn struct {
	loop    *Loop
	session any
}

// Session returns what Handler.Upgrade returned.
func (c *Conn) Session() any { return c.session }

// Loop returns the loop that the connection belongs to.
func (c *Conn) Loop() *Loop { return c.loop }

// Remote returns the client's address. It is the zero AddrPort once the socket is
// closed.
func (c *Conn) Remote() netip.AddrPort { panic("skeleton") }

// Outcome says what became of a Send.
type Outcome uint8

// The outcomes.
const (
	Queued     Outcome = iota // it is written at the end of the turn, or when the client reads
	NotOpen                   // the connection is closing or closed: dropped
	Overflowed                // it would have exceeded OutboxBytesMax: the connection is being closed
)

// Send queues p, which is shared and never copied. The order of the Sends is the
// order on the wire.
func (c *Conn) Send(p *Payload) Outcome { panic("skeleton") }

// SendText queues one text message, which must be valid UTF-8. It is copied.
func (c *Conn) SendText(text []byte) Outcome { panic("skeleton") }

// SendBinary queues one binary message. It is copied.
func (c *Conn) SendBinary(b []byte) Outcome { panic("skeleton") }

// Close sends what is queued and then a close frame, and ends the connection when
// the client has answered, at the latest after five seconds. Nothing that the
// client sends after the call is looked at. Handler.Close follows at the end of
// the turn. No effect on a connection that is closing already.
func (c *Conn) Close(code uint16, reason string) { panic("skeleton") }

// Closing tells whether the connection is no longer open: Handler.Close was called
// or will be at the end of this turn.
func (c *Conn) Closing() bool { panic("skeleton") }
