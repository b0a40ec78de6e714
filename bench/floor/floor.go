// Package floor is the least that any server of rooms must do, to be compared with:
// one thread accepts sockets, upgrades them, and writes what somebody says in /room/N
// to all who are there, byte for byte. What comes in one turn leaves with one write
// for each connection. It stores nothing, checks no token and knows no more of
// WebSockets than a load generator needs: it is no server for people.
package floor

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Config says where Run listens.
type Config struct {
	Listen string // address:port; port 0: any free one

	// Listening, if not nil, is called once, when connections are accepted.
	Listening func(netip.AddrPort)
}

const (
	readBytes     = 256 << 10 // of the buffer that all connections share
	unsentMax     = 4 << 20   // bytes that may wait for a connection, before it is closed
	eventsMax     = 1024      // of one look at epoll
	acceptsMax    = 64        // of one turn, so that the others are heard
	backlog       = 4096      // clients that wait to be accepted
	contextPeriod = 100 * time.Millisecond
)

// server is the one thread's.
type server struct {
	epoll, listener int
	conns           []*conn // by descriptor
	rooms           map[string]*room
	talking         []*room // where something was said in this turn
	events          []unix.EpollEvent
	buf             []byte
}

type conn struct {
	fd     int
	room   *room // nil until it is upgraded
	place  int   // in room.members
	left   []byte
	unsent []byte
}

type room struct {
	members []*conn
	said    []byte // frames of this turn, for all alike
}

// Run serves until ctx is done, and returns nil then. Any other end is an error.
func Run(ctx context.Context, cfg Config) error {
	s := &server{rooms: map[string]*room{}, events: make([]unix.EpollEvent, eventsMax), buf: make([]byte, readBytes)}
	at, err := s.listen(cfg.Listen)
	if err != nil {
		return err
	}
	defer s.close()
	if cfg.Listening != nil {
		cfg.Listening(at)
	}
	for ctx.Err() == nil {
		n, err := unix.EpollWait(s.epoll, s.events, int(contextPeriod/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		s.turn(s.events[:max(n, 0)])
	}
	return nil
}

func (s *server) listen(address string) (at netip.AddrPort, err error) {
	if at, err = netip.ParseAddrPort(address); err != nil || !at.Addr().Is4() {
		return at, fmt.Errorf("%q is no IPv4 address and port", address)
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return at, os.NewSyscallError("epoll_create", err)
	}
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return at, os.NewSyscallError("socket", err)
	}
	if err = unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return at, os.NewSyscallError("setsockopt", err)
	}
	if err = unix.SetsockoptInt(s.listener, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil { // what is accepted inherits it
		return at, os.NewSyscallError("setsockopt", err)
	}
	if err = unix.Bind(s.listener, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return at, fmt.Errorf("bind to %v: %w", at, err)
	}
	if err = unix.Listen(s.listener, backlog); err != nil {
		return at, os.NewSyscallError("listen", err)
	}
	if err = s.watch(s.listener, unix.EPOLL_CTL_ADD, unix.EPOLLIN); err != nil {
		return at, err
	}
	bound, err := unix.Getsockname(s.listener)
	if err != nil {
		return at, os.NewSyscallError("getsockname", err)
	}
	return netip.AddrPortFrom(at.Addr(), uint16(bound.(*unix.SockaddrInet4).Port)), nil
}

func (s *server) watch(fd, how int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epoll, how, fd, &unix.EpollEvent{Fd: int32(fd), Events: events}))
}

// turn handles what the sockets have, and then writes each connection once.
func (s *server) turn(events []unix.EpollEvent) {
	for i := range events {
		fd := int(events[i].Fd)
		if fd == s.listener {
			s.accept()
			continue
		}
		c := s.conns[fd]
		if c != nil && events[i].Events&unix.EPOLLOUT != 0 {
			s.write(c, nil)
		}
		if s.conns[fd] != nil && events[i].Events&^unix.EPOLLOUT != 0 {
			s.read(c)
		}
	}
	for _, r := range s.talking {
		for i := len(r.members) - 1; i >= 0; i-- { // who is closed gives his place to the last one
			s.write(r.members[i], r.said)
		}
		r.said = r.said[:0]
	}
	s.talking = s.talking[:0]
}

func (s *server) accept() {
	for range acceptsMax {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // none is there, or one that has gone
		}
		for len(s.conns) <= fd {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
		if s.watch(fd, unix.EPOLL_CTL_ADD, unix.EPOLLIN) != nil {
			s.end(s.conns[fd])
		}
	}
}

// read takes what a socket has.
func (s *server) read(c *conn) {
	kept := copy(s.buf, c.left)
	n, err := unix.Read(c.fd, s.buf[kept:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 {
		s.end(c)
		return
	}
	p := s.buf[:kept+n]
	if c.room == nil {
		p = s.upgrade(c, p)
	}
	for c.room != nil {
		used := s.frame(c, p)
		if used == 0 {
			break
		}
		p = p[used:]
	}
	if len(p) == len(s.buf) {
		s.end(c) // longer than any that is read here
		return
	}
	c.left = append(c.left[:0], p...)
}

// write writes what waits for a connection, and p behind it.
func (s *server) write(c *conn, p []byte) {
	waited := len(c.unsent) > 0
	if waited {
		c.unsent = append(c.unsent, p...)
		p = c.unsent
	}
	n, err := unix.Write(c.fd, p)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR || len(p)-max(n, 0) > unsentMax {
		s.end(c)
		return
	}
	rest := p[max(n, 0):]
	switch {
	case waited:
		c.unsent = c.unsent[:copy(c.unsent, rest)]
	case len(rest) > 0:
		c.unsent = append(c.unsent, rest...)
	}
	if waits := len(rest) > 0; waits != waited {
		events := uint32(unix.EPOLLIN)
		if waits {
			events |= unix.EPOLLOUT
		} else {
			c.unsent = nil
		}
		_ = s.watch(c.fd, unix.EPOLL_CTL_MOD, events) // it is there
	}
}

// end closes a connection.
func (s *server) end(c *conn) {
	if s.conns[c.fd] != c {
		return
	}
	s.conns[c.fd] = nil
	_ = unix.Close(c.fd) // it leaves epoll with it
	if r := c.room; r != nil {
		last := r.members[len(r.members)-1]
		r.members[c.place], last.place = last, c.place
		r.members = r.members[:len(r.members)-1]
		c.room = nil
	}
}

func (s *server) close() {
	for _, c := range s.conns {
		if c != nil {
			s.end(c)
		}
	}
	_ = unix.Close(s.listener)
	_ = unix.Close(s.epoll)
}
