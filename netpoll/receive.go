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
	case stateOpen, stateParting:
		c.heard = l.at
		if c.stopped() {
			l.keepUnread(c, b)
		} else {
			l.read(c, b)
		}
		l.noteBegun(c, len(b))
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
		if c.stopped() && c.unread.due(l.at) {
			l.resume(c)
		}
		if c.stopped() && c.unread.paused {
			l.paused = append(l.paused, c)
		}
	}
	l.resumed = all
	l.counts.paused = len(l.paused)
}

// resumePostponed looks at what Resume was called for.
func (l *Loop) resumePostponed() {
	for i := 0; i < len(l.resumable); i++ {
		c := l.resumable[i]
		l.resumable[i] = nil
		if c.postponed() {
			l.resume(c)
		}
	}
	l.resumable = l.resumable[:0]
}
