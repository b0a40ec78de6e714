package netpoll

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// pauseMax is the longest pause.
const pauseMax = time.Hour

// UntilResume postpones, where Handler.Wait returns it, what a client sends until
// Conn.Resume: then it is looked at, in order. Some of it is kept, the rest waits in the kernel.
// Control frames that come before any message are looked at all the same.
const UntilResume time.Duration = math.MaxInt64

// pause leaves an open connection unread for so long, from the next frame on. It is
// written to as before. Of two pauses the longer one counts. That the client has ended
// the connection in an orderly way shows after the pause; IdleTimeout counts on meanwhile.
func (c *Conn) pause(d time.Duration) {
	l := c.loop
	until := l.at + moment((min(d, pauseMax)+time.Millisecond-1)/time.Millisecond)
	if c.unread == nil {
		c.unread = &unread{feeding: true}
	}
	u := c.unread
	u.extend(until)
	if !u.paused {
		u.paused = true
		l.paused = append(l.paused, c)
		l.counts.pauses++
	}
	l.silence(c)
}

// postpone leaves an open connection unread until Resume. The end of a client shows as
// long as little has come of it.
func (c *Conn) postpone() {
	if c.unread == nil {
		c.unread = &unread{}
	}
	c.unread.feeding, c.unread.paused = false, false
}

// Resume has looked at what UntilResume has postponed, in this turn. No effect where
// nothing was.
func (c *Conn) Resume() {
	if c.postponed() {
		c.loop.resumable = append(c.loop.resumable, c)
	}
}

// stopped tells whether what an open connection sends is kept, as it is paused or
// postponed, or about to be read again.
func (c *Conn) stopped() bool { return c.state.listens() && c.unread != nil }

// postponed tells whether an open connection waits for Resume.
func (c *Conn) postponed() bool { return c.stopped() && !c.unread.paused && !c.unread.feeding }

// reading tells whether what an open connection's client sends is looked at.
func (c *Conn) reading() bool { return c.unread == nil || c.unread.feeding }

// silence has the kernel tell no more that something has come.
func (l *Loop) silence(c *Conn) {
	if !c.unread.silent {
		c.unread.silent = true
		l.watch(c, 0)
	}
}

// readAgain ends what silence began.
func (l *Loop) readAgain(c *Conn) { l.watch(c, unix.EPOLLIN|unix.EPOLLPRI) }

// watch says for which events of a socket the loop wakes up, beside its end and that
// gnet's own bytes can be written. gnet cannot leave a socket unread.
func (l *Loop) watch(c *Conn, events uint32) {
	if c.raw.OutboundBuffered() > 0 {
		events |= unix.EPOLLOUT
	}
	// An error would mean that the socket is not there any more: its end is told apart.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, int(c.fd), &unix.EpollEvent{Fd: c.fd, Events: events})
}
