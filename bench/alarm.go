package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	sleepLeast = 20 * time.Millisecond // a shorter wait is by ppoll
	sleepLate  = 2 * time.Millisecond  // by which a sleeper may be late
)

// alarmEvent is what epoll says of an alarm, in place of a connection's index.
const alarmEvent = -1

// alarm wakes a worker that waits for its sockets.
type alarm struct {
	mu sync.Mutex // the descriptor may be another file's once it is closed
	fd int        // negative: closed
}

// newAlarm makes an alarm that epoll reports.
func newAlarm(epoll int) (*alarm, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: alarmEvent})
	}
	if err != nil {
		return nil, fmt.Errorf("event descriptor: %w", err)
	}
	return &alarm{fd: fd}, nil
}

// ring wakes the worker, now or when it waits next. It may be called from any goroutine.
func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fd >= 0 {
		_, _ = unix.Write(a.fd, binary.NativeEndian.AppendUint64(nil, 1)) // it can only fail where it has been rung already
	}
}

// heard puts the alarm back; the worker calls it.
func (a *alarm) heard() {
	var count [8]byte
	_, _ = unix.Read(a.fd, count[:]) // nothing to read is as good
}

func (a *alarm) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fd >= 0 {
		_ = unix.Close(a.fd) // nothing can be done about it
		a.fd = -1
	}
}

// sleeper waits for an epoll descriptor by way of Go's own poller. A thread that waits in ppoll keeps Go's monitor
// awake for some ten milliseconds, which asks sixty times meanwhile whether somebody else wants its processor: on a
// machine with many processes that costs more than their work. This way is coarser, by a millisecond or so.
//
// Go's poller sees an epoll instance of the sleeper's own, in which the other one stands and is heard of once after each
// arming: so only who sleeps is woken.
type sleeper struct {
	of   int // whom it waits for
	fd   int
	file *os.File // of fd
	raw  syscall.RawConn
}

func newSleeper(epoll int) (*sleeper, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	s := &sleeper{of: epoll, fd: fd}
	if err = unix.SetNonblock(fd, true); err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, epoll, &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	}
	s.file = os.NewFile(uintptr(fd), "epoll")
	if err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("epoll: %w", err), s.file.Close())
	}
	return s, nil
}

// sleep waits until there is something, or the time is over.
func (s *sleeper) sleep(d time.Duration) error {
	if err := unix.EpollCtl(s.fd, unix.EPOLL_CTL_MOD, s.of, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT}); err != nil {
		return err
	}
	if err := s.file.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	var events [1]unix.EpollEvent
	var failed error
	err := s.raw.Read(func(uintptr) bool {
		n, err := unix.EpollWait(s.fd, events[:], 0)
		if err != nil && err != unix.EINTR {
			failed = err
		}
		return n > 0 || failed != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, failed)
}

// close leaves the descriptor that was waited for to whose it is.
func (s *sleeper) close() { _ = s.file.Close() } // it holds nothing
