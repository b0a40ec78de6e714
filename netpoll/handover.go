package netpoll

import "golang.org/x/sys/unix"

// handOver gives a connection that speaks plain HTTP away. b is all that was read
// of it.
func (l *Loop) handOver(c *Conn, b []byte) {
	s := l.shared
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		l.refuse(c, unavailable(), RefusedHTTP)
		return
	}
	select {
	case s.handovers <- handover{fd, append([]byte(nil), b...), l.index, l.clients[c]}:
		s.https.Add(1)
		s.sockets.Add(-1)
		l.counts.httpTotal++
		l.move(c, stateGone)
	default:
		_ = unix.Close(fd)
		l.refuse(c, unavailable(), RefusedHTTP)
	}
}
