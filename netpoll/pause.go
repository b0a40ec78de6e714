package netpoll

import (
	"time"

	"golang.org/x/sys/unix"
)

// pauseMax is the longest pause.
const pauseMax = time.Hour

// pause leaves an open connection unread for so long, from the next frame on. It is
// written to as before. Of two pauses the longer one counts. That the client has ended
// the connection in an orderly way shows after the pause; IdleTimeout counts on meanwhile.
func (c *Conn) pause(d time.Duration) {
	l := c.loop
	until := l.at + moment((min(d, pauseMax)+time.Millisecond-1)/time.Millisecond)
	if c.paused() {
		c.unread.extend(until)
		return
	}
	c.unread = &unread{until: until}
	l.paused = append(l.paused, c)
	l.counts.pauses++
	l.watch(c, 0)
}

// paused tells whether an open connection is paused, or about to be read again.
func (c *Conn) paused() bool { return c.state == stateOpen && c.unread != nil }

// reading tells whether what an open connection's client sends is looked at.
func (c *Conn) reading() bool { return c.unread == nil || c.unread.feeding }

// readAgain ends a pause for the kernel's part.
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
