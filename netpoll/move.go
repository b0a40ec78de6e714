package netpoll

import "fmt"

// move takes a connection from one state to another that may follow it. It is the
// only function that does, and it does what belongs to the new state: counts, times,
// what is given up.
func (l *Loop) move(c *Conn, to connState) {
	if !c.state.mayBecome(to) {
		panic(fmt.Sprintf("netpoll: a connection in state %d cannot be in state %d next", c.state, to))
	}
	if c.state == stateOpen {
		l.counts.open--
		l.shared.webSockets.Add(-1)
	}
	if c.state.listens() && to == stateEnding && c.unread != nil && c.unread.silent {
		l.readAgain(c)
	}
	switch {
	case c.state == stateHandshake:
		l.awaited.live--
		l.forgetRequest(c)
	case leavingStates.has(c.state) && !leavingStates.has(to):
		l.leaving.live--
	}
	c.state = to
	l.isDue(c)
	switch to {
	case stateOpen:
		c.mark = l.at
		l.counts.open++
		l.counts.opened++
	case stateParting:
		c.mark = l.at
	case stateEnding:
		l.leaving.add(c, leavingStates)
		c.mark, c.heard = l.at, 0
		c.dropInput()
	case stateClosing:
		l.abandon(c)
		l.toClose = append(l.toClose, c)
	case stateGone:
		l.abandon(c)
		l.remove(c)
		c.raw, c.fd = nil, -1
	case stateHandshake, stateLingering:
	}
}

// forgetRequest drops what was kept of a request that was not whole.
func (l *Loop) forgetRequest(c *Conn) {
	if c.unread != nil {
		l.requestBytes -= c.unread.seen
		c.unread = nil
	}
}

// moveFlow is the same for the output: it keeps the loop's lists.
func (l *Loop) moveFlow(c *Conn, to flowState) {
	if !c.flow.mayBecome(to) {
		panic(fmt.Sprintf("netpoll: an output in state %d cannot be in state %d next", c.flow, to))
	}
	c.flow = to
	switch to {
	case flowDirty:
		l.dirty = append(l.dirty, c)
	case flowCorked:
		l.corked = append(l.corked, c)
	case flowStalled:
		l.stalled = append(l.stalled, stall{c: c, since: l.at, looked: l.at})
	case flowIdle: // what is in a list is passed over there
	}
}

// dropInput forgets what has come and is not processed.
func (c *Conn) dropInput() {
	c.unread, c.pongs = nil, nil
	c.reader.Reset()
}

// abandon drops what c holds of bytes.
func (l *Loop) abandon(c *Conn) {
	if c.flow != flowIdle {
		l.moveFlow(c, flowIdle)
	}
	c.dropInput()
	if o := c.outbox; o != nil {
		l.counts.outboxBytes -= o.Bytes()
		l.counts.dropped[DroppedClosed] += uint64(o.Buffers())
		l.outboxes.Put(o)
		c.outbox = nil
	}
}
