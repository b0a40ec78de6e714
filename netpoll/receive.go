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
		l.feed(c, b)
	case stateEnding, stateLingering:
		l.discard(c, len(b))
	case stateClosing, stateGone:
	}
}
