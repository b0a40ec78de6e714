package netpoll

import (
	"net"
	"net/netip"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// Conn is one client. All methods belong to the connection's loop. The order of
// the fields leaves no gaps: there may be millions.
type Conn struct {
	// Static after construction, until the socket is closed: then raw is nil and
	// fd is -1, because the kernel gives the number to somebody else.
	raw  gnet.Conn
	loop *Loop
	fd   int32

	// Static from the handshake on, but for the two states.
	deflate deflate.Params
	state   connState
	flow    flowState
	session any

	// Owned by the loop. What is a pointer here is nil for an idle connection.
	slot    uint32 // index in loop.conns
	heard   moment // when bytes came last; from the end on see discard
	mark    moment // by state: of the accept, of the last ping, of the beginning of the end
	seat    uint32 // index in topic.members
	topic   *Topic // the first topic
	seats   *[]seat
	outbox  *outbox
	pongs   *pongs
	request *request
	reader  frame.Reader
}

// connState is where a socket stands. It only moves downwards.
type connState uint8

const (
	stateHandshake connState = iota // the request is gathered
	stateOpen                       // Handler.Open was called
	stateEnding                     // the last bytes are queued; input is dropped
	stateLingering                  // our side is shut; waiting for the client's FIN; input is dropped
	stateBroken                     // in loop.doomed: closed at the end of the turn
	stateGone                       // closed, or handed over
)

// Session returns what Handler.Upgrade returned.
func (c *Conn) Session() any { return c.session }

// Loop returns the loop that the connection belongs to.
func (c *Conn) Loop() *Loop { return c.loop }

// Remote returns the client's address. It is the zero AddrPort once the socket is
// closed.
func (c *Conn) Remote() netip.AddrPort {
	if c.raw == nil {
		return netip.AddrPort{}
	}
	tcp, ok := c.raw.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Send queues p, which is shared and never copied. The order of the Sends is the
// order on the wire.
func (c *Conn) Send(p *Payload) Outcome {
	if c.state != stateOpen {
		return NotOpen
	}
	out := c.loop.enqueue(c, p.bytesFor(c.deflate))
	if out == Queued {
		c.loop.counts.deliveries += uint64(len(p.ends))
	}
	return out
}

// SendText queues one text message, which must be valid UTF-8. It is copied.
func (c *Conn) SendText(text []byte) Outcome { return c.sendMessage(frame.OpText, text) }

// SendBinary queues one binary message. It is copied.
func (c *Conn) SendBinary(b []byte) Outcome { return c.sendMessage(frame.OpBinary, b) }

func (c *Conn) sendMessage(op frame.Op, b []byte) Outcome {
	if c.state != stateOpen {
		return NotOpen
	}
	l := c.loop
	packed := false
	if worthDeflating(len(b)) && c.deflate.Fits(len(b)) {
		l.deflated = deflate.Deflate(l.deflated[:0], b)
		if len(l.deflated) < len(b) {
			b, packed = l.deflated, true
		}
	}
	buf := make([]byte, 0, frame.HeaderBytesMax+len(b))
	out := l.enqueue(c, frame.AppendFrame(buf, op, packed, b))
	l.deflated = keep(l.deflated)
	if out == Queued {
		l.counts.deliveries++
	}
	return out
}

// Hold says, called by Handler.Open, that the first message is about to follow: it
// and the handshake's answer leave in one write then. The answer waits for a tenth
// of a second at most.
func (c *Conn) Hold() {
	if c.flow == flowDirty {
		c.flow = flowHeld
		c.loop.held = append(c.loop.held, c)
	}
}

// Close sends what is queued and then a close frame, and ends the connection when
// the client has answered, at the latest after five seconds. Nothing that the
// client sends after the call is looked at. Handler.Close follows at the end of
// the turn. No effect on a connection that is closing already.
func (c *Conn) Close(code uint16, reason string) {
	if c.state == stateOpen {
		c.loop.finish(c, Closed{code, reason, CauseHandler})
	}
}

// scratchKeptMax is the greatest scratch buffer that a loop keeps between messages.
const scratchKeptMax = 256 << 10

func keep(b []byte) []byte {
	if cap(b) > scratchKeptMax {
		return nil
	}
	return b[:0]
}
