package netpoll

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// stallLooks is how often, in IdleTimeout, it is looked whether a stalled client takes
// anything. Each look is a system call.
const stallLooks = 8

// shedBytesMin is the least that waits for a connection that Server.Shed closes: with
// less, its end would free nearly nothing.
const shedBytesMin = 16 << 10

// closeStalled closes the clients that have taken nothing for IdleTimeout while
// something waits for them. That they send, pings for one, does not help them.
func (l *Loop) closeStalled() {
	timeout := l.shared.limits.idleTimeout
	for i := range l.stalled {
		s := &l.stalled[i]
		if s.c.flow != flowStalled || s.c.state != stateOpen || l.at.since(s.looked) < timeout/stallLooks {
			continue
		}
		s.looked = l.at
		if s.moved() {
			s.since, s.c.heard = l.at, l.at // it lives, and cannot answer a ping yet
		} else if l.at.since(s.since) >= timeout {
			l.tooSlow(s.c, "took nothing for too long", CauseStalled)
		}
	}
}

// moved says whether the client took something since the last look. The kernel keeps
// what is sent until it is acknowledged, and asks for more only when a good part of its
// buffer is free: a slow client is seen by what is left there.
func (s *stall) moved() bool {
	inGnets := s.c.raw.OutboundBuffered()
	unsent, err := unix.IoctlGetInt(int(s.c.fd), unix.SIOCOUTQ)
	if err != nil {
		unsent = 0 // the socket is dead, which is found elsewhere
	}
	moved := unsent != s.unsent || inGnets != s.inGnets
	s.unsent, s.inGnets = unsent, inGnets
	return moved
}

// ShortOfMemory says whether memory is short. While it is, each handshake gets 503 with
// Retry-After, as RefusedMemory. Connections that are open stay open, and plain HTTP
// goes on.
func (s *Server) ShortOfMemory(yes bool) { s.scarce.Store(yes) }

// Shed closes the clients for which most bytes wait, and then those that keep most of
// what they have begun, with SlowCloseCode, until about so many bytes need not be kept any
// more. It does not wait for that.
func (s *Server) Shed(bytes int) {
	waiting := make([]int, len(s.loops))
	all := 0
	for i, l := range s.loops {
		waiting[i] = l.board.keptBytes()
		all += waiting[i]
	}
	for i, l := range s.loops {
		if waiting[i] > 0 {
			share := float64(bytes) * float64(waiting[i]) / float64(all)
			l.Post(func() { l.shed(int(share)) })
		}
	}
}

// shed is Shed for one loop.
func (l *Loop) shed(bytes int) {
	var heavy []*Conn
	for _, s := range l.stalled {
		if s.c.flow == flowStalled && s.c.state == stateOpen && s.c.outbox.Bytes() >= shedBytesMin {
			heavy = append(heavy, s.c)
		}
	}
	slices.SortFunc(heavy, func(a, b *Conn) int { return cmp.Compare(b.outbox.Bytes(), a.outbox.Bytes()) })
	for _, c := range heavy {
		if bytes <= 0 {
			return
		}
		bytes -= c.outbox.Bytes()
		l.tooSlow(c, "the server is short of memory", CauseMemory)
	}
	if bytes > 0 {
		l.boundBegun(max(0, l.counts.begunBytes-bytes))
	}
}
