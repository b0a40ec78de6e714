package bench

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

const (
	readBytes    = 256 << 10 // of the buffer that all connections of a worker share
	keptBytesMax = 4 << 10   // a larger buffer is not kept for one connection
	eventsMax    = 512       // of one look at epoll
)

// worker drives a share of the connections from one goroutine.
type worker struct {
	run   *run
	conns []conn
	meter meter // what others may watch
	pacer pacer

	tally
	speech speech
	epoll  int
	sleeps *sleeper
	alarm  *alarm
	events []unix.EpollEvent
	buf    []byte   // what was read last
	said   []byte   // what a protocol itself asks for, while it is made
	spare  [][]byte // write buffers that no connection uses
	dirty  []int32  // connections with something to write at the end of the turn

	begun       int   // connections begun, in the order of conns
	handshakes  int   // of those, neither member nor closed
	open        int   // sockets
	outstanding int64 // messages sent and not answered, by all connections
	left        bool  // the farewell has begun
	filled      bool  // the rooms

	back     comebacks
	slow     []int32 // members that read slowly
	slowNext int64   // when they read again
}

func newWorker(r *run, conns []conn) (*worker, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	sleeps, err := newSleeper(fd)
	if err != nil {
		_ = unix.Close(fd) // the error says more
		return nil, err
	}
	rings, err := newAlarm(fd)
	if err != nil {
		sleeps.close()
		_ = unix.Close(fd)
		return nil, err
	}
	return &worker{
		run:    r,
		conns:  conns,
		speech: r.cfg.speech(),
		pacer:  newPacer(r, conns),
		tally:  newTally(r.slotNS),
		epoll:  fd,
		sleeps: sleeps,
		alarm:  rings,
		events: make([]unix.EpollEvent, eventsMax),
		buf:    make([]byte, readBytes),
	}, nil
}

// loop runs until the run is over. One turn: what time demands, what the
// sockets have, and then one write for each connection that has something to say.
func (w *worker) loop() {
	defer w.close()
	for !w.over() {
		halted := w.run.halted() // before anything is sent in this turn
		now := w.run.now()
		w.cutAll(now)
		w.beginConnections(now)
		w.readSlowly(now)
		w.fill(now)
		w.sendDue(now)
		w.flush()
		if err := w.turn(w.sleep(w.run.now())); err != nil {
			w.run.fail(err)
			return
		}
		w.flush()
		w.meter.publish(&w.tally, w.outstanding, halted)
		if ended := w.times.seal(now); ended != nil {
			w.meter.recent.Store(ended)
		}
	}
}

// over reports whether nothing is left to do, and begins the farewell when it is time.
func (w *worker) over() bool {
	by := w.run.byeBy.Load()
	switch {
	case w.run.failed():
		return true
	case by == 0:
		return false
	}
	if !w.left {
		w.left = true
		w.leave()
	}
	return w.open == 0 || w.run.now() > by
}

// sleep says how long the worker may wait for its sockets.
func (w *worker) sleep(now int64) time.Duration {
	connection, connects := w.nextConnection()
	message, sends := w.pacer.next(w.run.plan.Load())
	until := now + int64(idleCheckInterval)
	if w.run.share.Of > 1 && !connects && !sends {
		until = now + int64(idleAgentInterval)
		if w.run.plan.Load() == nil && len(w.slow) == 0 {
			until = now + int64(waitingAgentInterval)
		}
	}
	if connects {
		until = min(until, connection)
	}
	if sends {
		until = min(until, message)
	}
	if w.cutting() {
		until = now
	}
	return time.Duration(max(until-now, 0))
}

// turn handles what the sockets have. Where they have nothing it waits: for long by the
// sleeper, and otherwise by ppoll, because the others count in milliseconds, which is more than a latency.
func (w *worker) turn(wait time.Duration) error {
	n, err := w.look()
	if err == nil && n == 0 && wait >= sleepLeast {
		from := w.run.now()
		err = w.sleeps.sleep(wait - sleepLate)
		w.meter.slept.Add(w.run.now() - from)
		if err == nil {
			n, err = w.look()
		}
	} else if err == nil && n == 0 && wait > 0 {
		fds := []unix.PollFd{{Fd: int32(w.epoll), Events: unix.POLLIN}}
		limit := unix.NsecToTimespec(int64(wait))
		from := w.run.now()
		n, err = unix.Ppoll(fds, &limit, nil)
		w.meter.slept.Add(w.run.now() - from)
		if n > 0 {
			n, err = w.look()
		}
	}
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, ev := range w.events[:max(n, 0)] {
		if ev.Fd == alarmEvent {
			w.alarm.heard()
			continue
		}
		c := &w.conns[ev.Fd]
		if ev.Events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			w.writable(c, ev.Fd)
		}
		if ev.Events&(unix.EPOLLIN|unix.EPOLLERR|unix.EPOLLHUP) != 0 && c.state > connecting && c.state < closed {
			w.readable(c)
		}
	}
	return nil
}

func (w *worker) look() (int, error) {
	return unix.EpollWait(w.epoll, w.events, 0)
}

// watch tells epoll what to report of the connection. Events carry the
// connection's index in place of its descriptor.
func (w *worker) watch(c *conn, how int, index int32, events uint32) error {
	return unix.EpollCtl(w.epoll, how, c.fd, &unix.EpollEvent{Events: events, Fd: index})
}

// write puts bytes behind those that the connection has to write; they leave at
// the end of the turn.
func (w *worker) write(c *conn, index int32, add func([]byte) []byte) {
	if c.out == nil && len(w.spare) > 0 {
		c.out = w.spare[len(w.spare)-1][:0]
		w.spare = w.spare[:len(w.spare)-1]
	}
	c.out = add(c.out)
	if !c.dirty && !c.wantsWrite {
		c.dirty = true
		w.dirty = append(w.dirty, index)
	}
}

// flush writes what the turn has gathered.
func (w *worker) flush() {
	for _, index := range w.dirty {
		c := &w.conns[index]
		c.dirty = false
		if c.state > connecting && c.state < closed {
			w.writeOut(c, index)
		}
	}
	w.dirty = w.dirty[:0]
}

func (w *worker) writeOut(c *conn, index int32) {
	n, err := unix.Write(c.fd, c.out)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		w.lostConn(c, err)
		return
	}
	if n = max(n, 0); n < len(c.out) {
		c.out = c.out[:copy(c.out, c.out[n:])]
		w.setWantsWrite(c, index, true)
		return
	}
	if cap(c.out) <= keptBytesMax {
		w.spare = append(w.spare, c.out)
	}
	c.out = nil
	w.setWantsWrite(c, index, false)
}

func (w *worker) setWantsWrite(c *conn, index int32, on bool) {
	if c.wantsWrite == on {
		return
	}
	c.wantsWrite = on
	events := uint32(unix.EPOLLIN)
	if on {
		events |= unix.EPOLLOUT
	}
	if err := w.watch(c, unix.EPOLL_CTL_MOD, index, events); err != nil {
		w.run.fail(fmt.Errorf("epoll: %w", err))
	}
}

// counts adds a member to those that a message has to reach, or takes it away. Slow ones are none.
func (w *worker) counts(c *conn, n int32) {
	if !c.slow {
		w.run.members[c.room].Add(n)
	}
}

// closeConn closes the connection's socket and forgets what belongs to it.
func (w *worker) closeConn(c *conn) {
	if c.state == closed || c.state == waiting {
		return
	}
	switch c.state {
	case connecting, upgrading, joining:
		w.handshakes--
	case member:
		w.counts(c, -1)
	}
	c.state = closed
	_ = unix.Close(c.fd) // it also leaves epoll; nothing can be done about an error
	w.open--
	w.outstanding -= int64(c.outstanding)
	c.left, c.fragments, c.out = nil, nil, nil
}

// leave says goodbye on all connections. What they still get is not looked at.
func (w *worker) leave() {
	for i := range w.conns {
		c := &w.conns[i]
		if c.state != member || c.slow {
			w.closeConn(c)
			continue
		}
		w.counts(c, -1)
		c.stayed, c.state = true, leaving
		w.write(c, int32(i), func(dst []byte) []byte { return wire.AppendClose(dst, w.run.key, uint16(protocol.CloseNormal)) })
	}
	w.flush()
}

func (w *worker) close() {
	for i := range w.conns {
		w.closeConn(&w.conns[i])
	}
	w.alarm.close()
	w.sleeps.close()
	_ = unix.Close(w.epoll) // it holds nothing any more
	w.meter.publish(&w.tally, w.outstanding, true)
}
