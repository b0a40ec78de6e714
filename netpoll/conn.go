package netpoll

import (
	"net"
	"net/netip"
	"time"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
	"github.com/caravan-chat/caravan/netpoll/outbox"
)

// Session returns what Handler.Upgrade returned.
func (c *Conn) Session() any { return c.session }

// Loop returns the loop that the connection belongs to.
func (c *Conn) Loop() *Loop { return c.loop }

// Remote returns the client's address: the one that a proxy has said (Config.Proxied), or
// else the peer's. It is the zero AddrPort once the socket is closed, or the client gone.
func (c *Conn) Remote() netip.AddrPort {
	if client, said := c.loop.clients[c]; said {
		return client
	}
	return c.peer()
}

// peer returns the address of the other end of the socket.
func (c *Conn) peer() netip.AddrPort {
	if c.raw == nil {
		return netip.AddrPort{}
	}
	if a := c.raw.RemoteAddr(); a != nil {
		return addrPortOf(a)
	}
	return peerOf(int(c.fd)) // see spare
}

func addrPortOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Silent returns for how long nothing has come of the client.
func (c *Conn) Silent() time.Duration { return c.loop.at.since(c.heard) }

// Waiting returns how many bytes wait for the client that are not written yet.
func (c *Conn) Waiting() int { return c.outbox.Bytes() }

// Received returns in how many bytes the message came that Handler.Message has now. They
// may be more than the message: data can be made that inflates to nothing, and frames
// without data, and both are work all the same.
func (c *Conn) Received() int { return c.loop.received }

// Send queues p, which is shared and never copied. The order of the Sends is the
// order on the wire.
func (c *Conn) Send(p *Payload) Outcome {
	if c.state != stateOpen {
		return NotOpen
	}
	out := c.loop.enqueue(c, p.BytesFor(c.deflate))
	if out == Queued {
		c.loop.counts.deliveries += uint64(p.Messages())
	}
	return out
}

// Roomy tells whether less than half of what may wait for the client does: whoever has much
// for it sends the next part then.
func (c *Conn) Roomy() bool { return c.outbox.Bytes() < c.loop.shared.limits.outboxBytesMax/2 }

// Prepare makes the bytes of p that the connection gets, where they are not made yet: to
// deflate a large payload takes a loop long. Safe from any goroutine after Handler.Open.
func (c *Conn) Prepare(p *Payload) { p.BytesFor(c.deflate) }

// Prepared tells whether there is nothing that Prepare would have to do. Safe likewise.
func (c *Conn) Prepared(p *Payload) bool { return p.MadeFor(c.deflate) }

// SendWithReceipt is Send for what is made for one connection, or a few: r.Gone is
// called once, on the loop, when p's bytes are written or dropped, whatever the outcome.
func (c *Conn) SendWithReceipt(p *Payload, r Receipt) Outcome {
	out := c.Send(p)
	if out == Queued && c.outbox != nil {
		c.outbox.Expect(r)
	} else {
		r.Gone()
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
	if outbox.WorthDeflating(len(b)) && c.deflate.Fits(len(b)) {
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

// Cork says, called by Handler.Open, that the first message is about to follow: it
// and the handshake's answer leave in one write then. The answer waits for a tenth
// of a second at most.
func (c *Conn) Cork() {
	if c.flow == flowDirty {
		c.loop.moveFlow(c, flowCorked)
		c.loop.undirty(c)
	}
}

// Close sends what is queued and then a close frame, and ends the connection when
// the client has answered, at the latest after five seconds. Nothing that the
// client sends after the call is looked at. Handler.Close follows at the end of
// the turn. No effect on a connection that is closing already.
func (c *Conn) Close(code uint16, reason string) {
	if c.state.listens() {
		c.loop.finish(c, Closed{code, reason, CauseHandler})
	}
}

// enqueue puts b, which never changes, into c's outbox, unless too much waits
// there already: then the connection is closed as a slow consumer.
func (l *Loop) enqueue(c *Conn, b []byte) Outcome {
	if len(b) == 0 {
		return Queued
	}
	if limit := l.shared.limits.outboxBytesMax; c.outbox.Overflows(len(b), limit) {
		// A turn can bring more than the limit to a client that reads well.
		if c.flow == flowDirty || c.flow == flowCorked {
			l.writeOut(c)
		}
		switch {
		case c.state != stateOpen:
			return NotOpen
		case c.outbox.Overflows(len(b), limit):
			l.counts.dropped[DroppedSlow]++
			l.tooSlow(c, "too slow", CauseSlow)
			return Overflowed
		}
	}
	l.push(c, b)
	return Queued
}

// scratchKeptMax is the greatest scratch buffer that a loop keeps between messages.
const scratchKeptMax = 256 << 10

func keep(b []byte) []byte {
	if cap(b) > scratchKeptMax {
		return nil
	}
	return b[:0]
}
