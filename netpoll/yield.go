package netpoll

import (
	"golang.org/x/sys/unix"
)

// yieldOldest closes a connection for others, and returns whether there was one: of those
// that are on their way out the one that has been for longest, or else, among those that
// are meant, the one whose request has been waited for longest. Its place is free at the
// end of the turn.
func (l *Loop) yieldOldest(meant func(*Conn) bool) bool {
	if c := l.leaving.oldest(leavingStates, func(*Conn) bool { return true }); c != nil {
		l.move(c, stateClosing)
		return true
	}
	c := l.awaited.oldest(awaitedStates, meant)
	if c != nil {
		l.yield(c)
	}
	return c != nil
}

// yield closes a connection for others. What it is told may get lost: its end is not
// waited for, which would keep its place.
func (l *Loop) yield(c *Conn) {
	l.counts.refused[RefusedYielded]++
	var head []byte
	if c.unread != nil {
		head = c.unread.bytes
	}
	told := l.refusal(unavailable(), head)
	l.move(c, stateEnding)
	if n, err := unix.Write(int(c.fd), told); err == nil {
		l.counts.writes++
		l.counts.bytesOut += uint64(n)
	}
	l.move(c, stateClosing)
}

// makeRoom closes the connection whose request has been waited for longest, for one that
// has just come.
func (l *Loop) makeRoom(c *Conn) bool {
	l.begin()
	defer l.endEvent()
	return l.yieldOldest(func(other *Conn) bool { return other != c })
}

// takePlace lets a client in that found no room when it came, and whose request is whole
// now: there is room meanwhile, or somebody goes who keeps a place and asks for nothing.
func (l *Loop) takePlace(c *Conn) bool {
	s := l.shared
	most, https := s.limits.connectionsMax, s.https.Load()
	return s.sockets.Load()+https <= most ||
		s.webSockets.Load()+https < most && l.yieldOldest(func(other *Conn) bool { return other != c })
}

// keepRequest keeps b, which is what has come of a request that is not whole.
func (l *Loop) keepRequest(c *Conn, b []byte) {
	if c.unread == nil {
		c.unread = &unread{bytes: append([]byte(nil), b...)}
	}
	l.requestBytes += len(b) - c.unread.seen
	c.unread.seen = len(b)
	holds := func(c *Conn) bool { return c.unread != nil && c.unread.seen > 0 }
	for l.requestBytes > l.shared.limits.requestBytesMax {
		l.yield(l.awaited.oldest(awaitedStates, holds)) // there is one: the bytes are somebody's
	}
}
