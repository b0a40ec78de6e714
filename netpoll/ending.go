package netpoll

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/netpoll/frame"
)

// endingTimeout bounds the end of a connection, from the close frame (or the
// refusal) to the client's FIN. With scanPeriodMax added it stays under the five
// seconds that are promised.
const endingTimeout = 3500 * time.Millisecond

// lingerBytesMax bounds what is read of a client after the end was sent to it. It
// has room for a client that sends all of a large body before it reads why that
// was refused; who sends more than that is reset.
const lingerBytesMax = 16 << 20

// finish ends an open connection in the orderly way: what is queued is written,
// then a close frame, then our side is shut, and the client's FIN is waited for.
// Closing the socket right after the write would lose what the client has not
// read yet, if it was still sending.
func (l *Loop) finish(c *Conn, why Closed) {
	if c.state == stateParting { // it has its closing frame
		l.depart(c)
		return
	}
	l.noteEnd(c, why)
	l.endWith(c, frame.AppendClose(nil, why.Code, why.Reason))
}

// endWith queues a socket's last bytes and ends it after them.
func (l *Loop) endWith(c *Conn, last []byte) {
	l.move(c, stateEnding)
	l.push(c, last)
}

// noteEnd notes why an open connection ends. Handler.Close follows in the same turn.
func (l *Loop) noteEnd(c *Conn, why Closed) {
	l.ended = append(l.ended, ended{c, why})
	l.counts.causes[why.Cause]++
	l.counts.closes[codeClass(why)]++
}

// codeClass keeps the number of different codes that are counted small: a client
// can choose among thousands.
func codeClass(why Closed) uint16 {
	if why.Cause == CausePeer && why.Code >= 3000 {
		return why.Code / 1000 * 1000
	}
	return why.Code
}

// depart ends a connection that has its closing frame.
func (l *Loop) depart(c *Conn) {
	l.noteEnd(c, sentAway)
	l.move(c, stateEnding)
	if c.flow == flowIdle {
		l.shutWrite(c)
	}
}

// tooSlow ends a slow consumer: what it has not begun to get, it does not get.
func (l *Loop) tooSlow(c *Conn, reason string, cause Cause) {
	dropped, bytes := c.outbox.Truncate()
	l.counts.outboxBytes -= bytes
	l.counts.dropped[DroppedSlow] += uint64(dropped)
	l.finish(c, Closed{l.shared.limits.slowCloseCode, reason, cause})
}

// writeOut writes what waits for c, and does what follows from how that ended.
func (l *Loop) writeOut(c *Conn) {
	switch l.write(c) {
	case writtenAll:
		if c.state == stateEnding {
			l.shutWrite(c)
		}
	case writeFailed:
		l.lost(c)
	case writtenPart:
	}
}

// shutWrite is called when an ending connection's last byte is in the kernel.
func (l *Loop) shutWrite(c *Conn) {
	if unix.Shutdown(int(c.fd), unix.SHUT_WR) != nil {
		l.move(c, stateClosing) // the client is gone
		return
	}
	l.move(c, stateLingering)
}

// discard drops what a client sends after the end: it is read only to see the
// FIN. A socket that is closed with bytes unread resets the connection, and the
// client loses what it has not read of the answer; so many bytes are read first,
// but not any number. heard, whose time means nothing any more, counts them.
func (l *Loop) discard(c *Conn, n int) {
	c.heard += moment(n)
	if c.heard > lingerBytesMax {
		_ = c.raw.SetLinger(0) // close resets
		l.move(c, stateClosing)
	}
}

// lost ends a connection whose socket does not work any more.
func (l *Loop) lost(c *Conn) {
	switch c.state {
	case stateOpen:
		l.noteEnd(c, Closed{CloseAbnormal, "", CauseLost})
	case stateParting:
		l.noteEnd(c, sentAway)
	case stateHandshake, stateEnding, stateLingering, stateClosing, stateGone:
	}
	l.move(c, stateClosing)
}

// closeSockets closes the sockets that are done with. Each calls closed.
func (l *Loop) closeSockets() {
	engine := *l.engine.Load()
	for i := 0; i < len(l.toClose); i++ {
		c := l.toClose[i]
		l.toClose[i] = nil
		if c.raw != nil {
			_ = engine.Close(c.raw) // a failing close has closed all the same
		}
	}
	l.toClose = l.toClose[:0]
}

// closed is called when gnet is about to close the socket, or has found it dead,
// possibly from inside a write of ours. After it the descriptor's number belongs
// to nobody or to somebody else: no reference to it is left.
func (l *Loop) closed(c *Conn) {
	switch c.state {
	case stateOpen:
		why := Closed{CloseAbnormal, "", CauseLost}
		if l.shared.stopping.Load() {
			why.Cause = CauseShutdown
		}
		l.noteEnd(c, why)
	case stateParting:
		l.noteEnd(c, sentAway)
	case stateHandshake, stateEnding, stateLingering, stateClosing:
	case stateGone:
		return // handed over
	}
	l.lastWrite(c)
	l.move(c, stateGone)
	l.shared.sockets.Add(-1)
}
