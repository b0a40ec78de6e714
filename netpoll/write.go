package netpoll

import (
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/netpoll/outbox"
)

// stallBytesMax is what gnet gets of a stalled connection's bytes. It watches the
// socket and writes them when there is room: that they are gone tells us, without a
// system call, that it is worth trying again.
const stallBytesMax = 16 << 10

// push queues b without a limit: for the protocol's own frames and for enqueue.
func (l *Loop) push(c *Conn, b []byte) {
	if c.outbox == nil {
		c.outbox = l.outboxes.Get()
	}
	c.outbox.Push(b)
	l.counts.outboxBytes += len(b)
	if c.flow == flowIdle || c.flow == flowCorked {
		l.moveFlow(c, flowDirty)
	}
}

// written says how a write ended.
type written uint8

const (
	writtenAll  written = iota // the outbox is empty
	writtenPart                // the rest waits for the client, or the connection is gone
	writeFailed                // the socket does not work any more
)

// write writes as much of c's outbox as the kernel takes. gnet's own buffer is
// empty here, so that the bytes can go to the descriptor directly: nothing is
// copied for a client that is slow, and a write error is returned here instead of
// becoming a call of OnClose in the middle of a flush.
func (l *Loop) write(c *Conn) written {
	for o := c.outbox; o.Bytes() > 0; {
		n, asked, err := l.writer.Write(int(c.fd), o)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			n = 0
		case err != nil:
			return writeFailed
		}
		l.advance(o, n)
		if n < asked && !l.stall(c) {
			return writtenPart
		}
	}
	if c.outbox != nil {
		l.outboxes.Put(c.outbox)
		c.outbox = nil
	}
	return writtenAll
}

// lastWrite is for a client that has shut its side right after its last message:
// its FIN may come in the same epoll batch, so before the end of the turn. The
// socket is about to be closed: errors mean nothing any more.
func (l *Loop) lastWrite(c *Conn) {
	if c.flow != flowDirty && c.flow != flowCorked {
		return
	}
	for o := c.outbox; o.Bytes() > 0; {
		n, _, err := l.writer.Write(int(c.fd), o)
		if err != nil {
			return
		}
		l.advance(o, n)
	}
}

// advance accounts for n bytes that left the outbox in one system call.
func (l *Loop) advance(o *outbox.Outbox, n int) {
	o.Advance(n)
	l.counts.writes++
	l.counts.bytesOut += uint64(n)
	l.counts.outboxBytes -= n
}

// stall is called when the kernel's buffer is full: gnet gets the next bytes. It
// returns whether writing can go on at once, because there was room after all.
func (l *Loop) stall(c *Conn) (goOn bool) {
	o := c.outbox
	for given := 0; given < stallBytesMax && o.Bytes() > 0; {
		b := o.First()
		b = b[:min(len(b), stallBytesMax-given)]
		if _, err := c.raw.Write(b); err != nil {
			return false // OnClose has run: c is gone
		}
		l.advance(o, len(b))
		given += len(b)
		if c.raw.OutboundBuffered() == 0 {
			return true
		}
	}
	l.moveFlow(c, flowStalled)
	return false
}
