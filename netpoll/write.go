package netpoll

import (
	"time"

	"golang.org/x/sys/unix"
)

// flowState is where a connection's output stands.
type flowState uint8

const (
	flowIdle    flowState = iota // nothing waits
	flowDirty                    // in loop.dirty: written at the end of the turn
	flowHeld                     // in loop.held: the handshake's answer waits for company
	flowStalled                  // in loop.stalled: the kernel's buffer is full
)

const (
	// stallBytesMax is what gnet gets of a stalled connection's bytes. It watches
	// the socket and writes them when there is room: that they are gone tells us,
	// without a system call, that it is worth trying again.
	stallBytesMax = 16 << 10

	// stallRetry is how often stalled connections are looked at.
	stallRetry = 5 * time.Millisecond
)

// enqueue puts b, which never changes, into c's outbox, unless too much waits
// there already: then the connection is closed as a slow consumer.
func (l *Loop) enqueue(c *Conn, b []byte) Outcome {
	if len(b) == 0 {
		return Queued
	}
	if l.overflows(c, b) {
		// A turn can bring more than the limit to a client that reads well.
		if c.flow == flowDirty || c.flow == flowHeld {
			l.write(c)
		}
		switch {
		case c.state != stateOpen:
			return NotOpen
		case l.overflows(c, b):
			l.tooSlow(c)
			return Overflowed
		}
	}
	l.push(c, b)
	return Queued
}

func (l *Loop) overflows(c *Conn, b []byte) bool {
	o := c.outbox
	return o != nil && o.bytes > 0 && o.behind()+len(b) > l.server.cfg.OutboxBytesMax
}

// push queues b without a limit: for the protocol's own frames and for enqueue.
func (l *Loop) push(c *Conn, b []byte) {
	if c.outbox == nil {
		c.outbox = l.outboxes.get()
	}
	c.outbox.push(b)
	l.counts.outboxBytes += len(b)
	if c.flow == flowIdle || c.flow == flowHeld {
		l.soil(c)
	}
}

// soil has c written at the end of the turn.
func (l *Loop) soil(c *Conn) {
	c.flow = flowDirty
	l.dirty = append(l.dirty, c)
}

// releaseHeld has the answers written that have waited long enough.
func (l *Loop) releaseHeld() {
	for i, c := range l.held {
		if c.flow == flowHeld {
			l.soil(c)
		}
		l.held[i] = nil
	}
	l.held = l.held[:0]
}

// tooSlow ends a slow consumer: what it has not begun to get, it does not get.
func (l *Loop) tooSlow(c *Conn) {
	dropped, bytes := c.outbox.truncate()
	l.counts.outboxBytes -= bytes
	l.counts.dropped[DroppedSlow] += uint64(dropped) + 1
	l.finish(c, Closed{l.server.cfg.SlowCloseCode, "too slow", CauseSlow})
}

// flush writes what this turn has queued: each connection once.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		if c.flow == flowDirty {
			c.flow = flowIdle
			l.write(c)
		}
	}
	l.dirty = l.dirty[:0]
}

// write writes as much of c's outbox as the kernel takes. gnet's own buffer is
// empty here, so that the bytes can go to the descriptor directly: nothing is
// copied for a client that is slow, and a write error is returned here instead of
// becoming a call of OnClose in the middle of a flush.
func (l *Loop) write(c *Conn) {
	for o := c.outbox; o != nil && o.bytes > 0; {
		n, asked, err := l.vector.write(int(c.fd), o)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			n = 0
		case err != nil:
			l.lost(c)
			return
		}
		l.written(o, n)
		if n < asked && !l.stall(c) {
			return
		}
	}
	if c.outbox != nil {
		l.outboxes.put(c.outbox)
		c.outbox = nil
	}
	if c.state == stateEnding {
		l.shutWrite(c)
	}
}

// lastWrite is for a client that has shut its side right after its last message:
// its FIN may come in the same epoll batch, so before the end of the turn. The
// socket is about to be closed: errors mean nothing any more.
func (l *Loop) lastWrite(c *Conn) {
	if c.flow != flowDirty && c.flow != flowHeld {
		return
	}
	for o := c.outbox; o != nil && o.bytes > 0; {
		n, _, err := l.vector.write(int(c.fd), o)
		if err != nil {
			return
		}
		l.written(o, n)
	}
}

// written accounts for n bytes that left the outbox in one system call.
func (l *Loop) written(o *outbox, n int) {
	o.advance(n)
	l.counts.writes++
	l.counts.bytesOut += uint64(n)
	l.counts.outboxBytes -= n
}

// stall is called when the kernel's buffer is full: gnet gets the next bytes. It
// returns whether writing can go on at once, because there was room after all.
func (l *Loop) stall(c *Conn) (goOn bool) {
	o := c.outbox
	for given := 0; given < stallBytesMax && o.bytes > 0; {
		b := o.first()
		b = b[:min(len(b), stallBytesMax-given)]
		if _, err := c.raw.Write(b); err != nil {
			return false // OnClose has run: c is gone
		}
		l.written(o, len(b))
		given += len(b)
		if c.raw.OutboundBuffered() == 0 {
			return true
		}
	}
	c.flow = flowStalled
	l.stalled = append(l.stalled, c)
	return false
}

// retryStalled looks at the stalled connections and writes to those whose bytes
// gnet got rid of.
func (l *Loop) retryStalled() {
	l.retrying = false
	all := l.stalled
	l.stalled = l.stalled[:0]
	for _, c := range all {
		switch {
		case c.flow != flowStalled: // gone
		case c.raw.OutboundBuffered() > 0:
			l.stalled = append(l.stalled, c)
		default:
			c.flow = flowIdle
			l.write(c)
		}
	}
	clear(all[len(l.stalled):])
}

// armRetry runs the timer while, and only while, there are stalled connections.
func (l *Loop) armRetry() {
	l.counts.stalled = len(l.stalled)
	if len(l.stalled) > 0 && !l.retrying {
		l.retrying = true
		l.retry.Reset(stallRetry)
	}
}

// stallElapsed is called by the timer, on a goroutine of its own.
func (l *Loop) stallElapsed() {
	l.stallDue.Store(true)
	l.wake()
}
