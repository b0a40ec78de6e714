package netpoll

import (
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// How a loop waits in calm times. gnet waits in a system call, and Go leaves a processor with who is in
// one for 10 ms where nobody else wants it. Until then Go's monitor wakes up up to 60 times to
// look whether it may sleep, which costs more than what the loop was woken for. So a loop to which
// something comes now and then waits with Go's poller instead, like any goroutine, which keeps no
// processor: it dozes. It does not where it waits for less than those 10 ms: then it keeps its processor all the time,
// the monitor grows slow, and to give the processor back each time would wake it anew.
const (
	dozeAfter  = 12 * time.Millisecond // a loop that had nothing to do for so long dozes from then on
	shortDozes = 8                     // and until it has dozed for less, or did not come to it, so often in a row
	dozeEvents = unix.EPOLLIN | unix.EPOLLONESHOT
)

// initDozing prepares for it. Where that fails the loop waits as gnet does.
func (l *Loop) initDozing() {
	if l.tasks == nil {
		return
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return
	}
	none := unix.EpollEvent{Events: unix.EPOLLONESHOT}
	if unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, l.epoll, &none) != nil || unix.SetNonblock(fd, true) != nil {
		_ = unix.Close(fd)
		return
	}
	p := &l.dozing
	p.fd, p.file = fd, os.NewFile(uintptr(fd), "loop")
	if p.conn, err = p.file.SyscallConn(); err != nil {
		l.endDozing()
		return
	}
	p.ready = func(fd uintptr) bool {
		p.looks++
		var event [1]unix.EpollEvent
		n, err := unix.EpollWait(int(fd), event[:], 0)
		return n > 0 || err != nil && err != unix.EINTR
	}
}

// endDozing has the loop wait as gnet does.
func (l *Loop) endDozing() {
	if l.dozing.file != nil {
		_ = l.dozing.file.Close() // nothing is written to it
	}
	l.dozing = dozing{}
}

// askToDoze is called where the loop has done all that there was. Where it dozes, an event on the waker
// follows: the callback for it is the place.
func (l *Loop) askToDoze() {
	if p := &l.dozing; p.on && !p.asked && !l.woken.Load() {
		p.asked = true
		l.waker.signal()
	}
}

// doze waits until something comes for the loop, unless something waits already. What gnet was told to
// do, and has not done, is nothing that its epoll would show any more.
func (l *Loop) doze() {
	p := &l.dozing
	if !p.on || l.inTurn || l.woken.Load() || atomic.LoadInt32(l.tasks) != 0 {
		return
	}
	arm := unix.EpollEvent{Events: dozeEvents}
	looked := p.looks
	if unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, l.epoll, &arm) != nil {
		l.endDozing()
		return
	}
	began := time.Now()
	if p.conn.Read(p.ready) != nil {
		l.endDozing()
		return
	}
	p.came(p.looks == looked+1, time.Since(began))
}

// came notes how it went: whether something waited already, or for how long the loop has dozed.
func (p *dozing) came(vain bool, after time.Duration) {
	if !vain {
		p.count++
	}
	if p.short++; !vain && after >= dozeAfter {
		p.short = 0
	}
	p.on = p.short < shortDozes
}
