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

// farewell is a call of Handler.Close that is due.
type farewell struct {
	c   *Conn
	why Closed
}

// finish ends an open connection in the orderly way: what is queued is written,
// then a close frame, then our side is shut, and the client's FIN is waited for.
// Closing the socket right after the write would lose what the client has not
// read yet, if it was still sending.
func (l *Loop) finish(c *Conn, why Closed) {
	l.end(c, why)
	l.leave(c, frame.AppendClose(nil, why.Code, why.Reason))
}

// leave queues a socket's last bytes and ends it after them.
func (l *Loop) leave(c *Conn, last []byte) {
	c.state = stateEnding
	c.mark = l.at
	c.heard = 0
	c.request, c.pongs = nil, nil
	c.reader.Reset()
	l.push(c, last)
}

// end notes that an open connection is no longer open. Handler.Close follows in
// the same turn.
func (l *Loop) end(c *Conn, why Closed) {
	l.ended = append(l.ended, farewell{c, why})
	l.counts.open--
	l.server.webSockets.Add(-1)
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

// sayFarewells calls Handler.Close for the connections that ended.
func (l *Loop) sayFarewells() {
	for i := 0; i < len(l.ended); i++ {
		f := l.ended[i]
		l.ended[i] = farewell{}
		l.sayFarewell(f)
		f.c.leaveTopics()
	}
	l.ended = l.ended[:0]
}

func (l *Loop) sayFarewell(f farewell) {
	defer l.recovered(f.c)
	l.server.cfg.Handler.Close(f.c, f.why)
}

// shutWrite is called when an ending connection's last byte is in the kernel.
func (l *Loop) shutWrite(c *Conn) {
	if unix.Shutdown(int(c.fd), unix.SHUT_WR) != nil {
		l.doom(c) // the client is gone
		return
	}
	c.state = stateLingering
}

// discard drops what a client sends after the end: it is read only to see the
// FIN. A socket that is closed with bytes unread resets the connection, and the
// client loses what it has not read of the answer; so many bytes are read first,
// but not any number. heard, whose time means nothing any more, counts them.
func (l *Loop) discard(c *Conn, n int) {
	c.heard += moment(n)
	if c.heard > lingerBytesMax {
		_ = c.raw.SetLinger(0) // close resets
		l.doom(c)
	}
}

// lost ends a connection whose socket does not work any more.
func (l *Loop) lost(c *Conn) {
	if c.state == stateOpen {
		l.end(c, Closed{CloseAbnormal, "", CauseLost})
	}
	l.doom(c)
}

// doom has the socket closed at the end of the turn.
func (l *Loop) doom(c *Conn) {
	c.state = stateBroken
	l.abandon(c)
	l.doomed = append(l.doomed, c)
}

// closeDoomed closes the sockets that are done with. Each calls closed.
func (l *Loop) closeDoomed() {
	engine := *l.engine.Load()
	for i := 0; i < len(l.doomed); i++ {
		c := l.doomed[i]
		l.doomed[i] = nil
		if c.raw != nil {
			_ = engine.Close(c.raw) // a failing close has closed all the same
		}
	}
	l.doomed = l.doomed[:0]
}

// closed is called when gnet is about to close the socket, or has found it dead,
// possibly from inside a write of ours. After it the descriptor's number belongs
// to nobody or to somebody else: no reference to it is left.
func (l *Loop) closed(c *Conn) {
	switch c.state {
	case stateOpen:
		why := Closed{CloseAbnormal, "", CauseLost}
		if l.server.stopping.Load() {
			why.Cause = CauseShutdown
		}
		l.end(c, why)
	case stateHandshake, stateEnding, stateLingering, stateBroken:
	case stateGone:
		return // handed over
	}
	l.lastWrite(c)
	l.release(c)
	l.server.sockets.Add(-1)
}

// release gives up the socket, without closing it.
func (l *Loop) release(c *Conn) {
	c.state = stateGone
	l.abandon(c)
	l.forget(c)
	c.raw, c.fd = nil, -1
}

// abandon drops what c holds of bytes.
func (l *Loop) abandon(c *Conn) {
	c.flow = flowIdle
	c.request, c.pongs = nil, nil
	c.reader.Reset()
	if o := c.outbox; o != nil {
		l.counts.outboxBytes -= o.bytes
		l.counts.dropped[DroppedClosed] += uint64(len(o.bufs) - o.head)
		l.outboxes.put(o)
		c.outbox = nil
	}
}
