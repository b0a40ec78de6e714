package bench

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// nextConnection says when the next connection may begin; false while that does
// not depend on time.
func (w *worker) nextConnection() (int64, bool) {
	switch {
	case w.handshakes >= w.run.handshakesMax || !w.mayBegin():
		return 0, false
	case w.begun == len(w.conns) && w.run.halted() && w.run.cfg.Scenario == History:
		return 0, false
	case w.begun == len(w.conns):
		return w.back.due()
	}
	return w.run.connectFrom + int64(float64(w.begun)*w.run.connectInterval), true
}

// mayBegin holds all back until the very first connection is a member, so that
// what is wrong for everybody is told once.
func (w *worker) mayBegin() bool {
	return w.run.proven.Load() || (w.begun == 0 && w == w.run.workers[0])
}

// beginConnections begins as many connections as are due.
func (w *worker) beginConnections(now int64) {
	const burstMax = 32 // in one turn, so that the others are heard
	for range burstMax {
		at, ok := w.nextConnection()
		if !ok || at > now || w.left {
			return
		}
		meant := now
		var index int32
		if w.begun < len(w.conns) {
			index = int32(w.begun)
			w.begun++
		} else {
			index, meant = w.back.take(at, w.run.connectInterval), at
		}
		if err := w.begin(&w.conns[index], index, meant); err != nil {
			w.run.fail(err)
			return
		}
	}
}

// begin opens the socket and connects it, which was meant to happen at a given time.
func (w *worker) begin(c *conn, index int32, meant int64) error {
	to := w.run.nodes[c.node].address
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	c.fd, c.state, c.began = fd, connecting, meant
	w.open++
	w.handshakes++
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := bindSource(fd, w.run.source(c.id)); err != nil {
		return err
	}
	if c.slow {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, slowBufferBytes); err != nil {
			return fmt.Errorf("socket: %w", err)
		}
	}
	err = unix.Connect(fd, sockaddr(to))
	if err != nil && err != unix.EINPROGRESS {
		w.failed(c, w.run.unreachable(c, err))
		return nil
	}
	if err := w.watch(c, unix.EPOLL_CTL_ADD, index, unix.EPOLLOUT); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// bindSource fixes the address that a socket connects from; the kernel chooses
// the port when it connects, so that one port serves several destinations.
func bindSource(fd int, from netip.Addr) error {
	if !from.IsValid() {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err != nil {
		return fmt.Errorf("bind to %v: %w", from, err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// source is the loopback address that connection id comes from; the zero
// address leaves the choice to the kernel.
func (r *run) source(id uint32) netip.Addr {
	if r.cfg.Sources == 1 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + int(id)%r.cfg.Sources)})
}

// writable goes on with a connection that epoll reports as connected, writable or broken.
func (w *worker) writable(c *conn, index int32) {
	switch c.state {
	case connecting:
		code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err != nil {
			w.failed(c, w.run.unreachable(c, err))
			return
		}
		w.requestUpgrade(c, index)
	case upgrading, joining, member, leaving:
		if len(c.out) > 0 {
			w.writeOut(c, index)
		}
	}
}

func (w *worker) requestUpgrade(c *conn, index int32) {
	target, by, err := w.speech.request(c)
	if err != nil {
		w.run.fail(err)
		return
	}
	end := &w.run.nodes[c.node].end
	c.state = upgrading
	c.wantsWrite = true // as epoll was told; the write below takes it back
	c.out = wire.AppendUpgrade(c.out, end.Host, end.Prefix+target, by)
	w.writeOut(c, index)
}

// upgraded reads the answer to the handshake off p and returns the rest.
func (w *worker) upgraded(c *conn, p []byte, now int64) []byte {
	n, err := wire.CheckUpgrade(p)
	if err != nil {
		w.failed(c, w.run.refused(c, err))
		return nil
	}
	if n > 0 {
		c.state = joining
		w.say(c, func(dst []byte) []byte { return w.speech.opens(dst, c) })
		if !w.speech.greets() {
			w.joined(c, 0, now)
		}
	}
	return p[n:]
}

// joined makes the connection a member: it stands at seq.
func (w *worker) joined(c *conn, seq, now int64) {
	c.state, c.seq = member, seq
	w.handshakes--
	w.counts(c, 1)
	if c.returning {
		w.isBack(c, now)
		return
	}
	w.tally.ready++
	if w.run.proven.CompareAndSwap(false, true) {
		w.run.nudge()
	}
	if c.slow {
		w.slowDown(c)
	}
	record(w.tally.connect, now-c.began)
	w.times.record(ofConnect, c.began, now-c.began)
}

// unreachable explains why the server cannot be connected to.
func (r *run) unreachable(c *conn, err error) error {
	url := r.nodes[c.node].URL
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("cannot reach %s: %w; is the server running there?", url, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("no ports are left to connect from: %w; use more --sources, or wait a minute for old ports to be freed", err)
	}
	return fmt.Errorf("cannot reach %s: %w", url, err)
}

// refused explains why the server did not let a connection in.
func (r *run) refused(c *conn, err error) error {
	var status *wire.StatusError
	var end *wire.CloseError
	switch {
	case errors.As(err, &status) && status.Status == 503:
		return fmt.Errorf("connection %d: %w; does the server limit its connections?", c.id, err)
	case errors.As(err, &end) && end.Code == uint16(protocol.CloseUnauthorized):
		return fmt.Errorf("connection %d: the server refused the token of user %d (4001): is this the server's --jwt-secret, and is the fleet seeded? `%s`",
			c.id, c.user, r.cfg.Fleet.SeedCommand())
	case errors.As(err, &end) && end.Code == uint16(protocol.CloseForbidden):
		return fmt.Errorf("connection %d: user %d is no collaborator of trip %d (4003): is the fleet seeded? `%s`",
			c.id, c.user, c.room, r.cfg.Fleet.SeedCommand())
	}
	return fmt.Errorf("connection %d was not let in: %w", c.id, err)
}
