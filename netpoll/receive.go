package netpoll

// receive takes what a socket brought. b is the loop's read buffer: valid, and
// ours to change, until the return.
func (l *Loop) receive(c *Conn, b []byte) {
	defer l.recovered(c)
	l.counts.bytesIn += uint64(len(b))
	switch c.state {
	case stateHandshake:
		c.heard = l.at
		l.readRequest(c, b)
	case stateOpen:
		c.heard = l.at
		if c.paused() {
			l.postpone(c, b)
			return
		}
		l.read(c, b)
	case stateEnding, stateLingering:
		l.discard(c, len(b))
	case stateClosing, stateGone:
	}
}

// resumePaused reads on from the connections whose pause is over.
func (l *Loop) resumePaused() {
	all := l.paused
	l.paused = l.resumed[:0]
	for i, c := range all {
		all[i] = nil
		if c.paused() && c.unread.due(l.at) {
			l.resume(c)
		}
		if c.paused() {
			l.paused = append(l.paused, c)
		}
	}
	l.resumed = all
	l.counts.paused = len(l.paused)
}
