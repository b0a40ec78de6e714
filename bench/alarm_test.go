package bench

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A worker that waits for long is woken by an alarm, by its sockets and by the end of its time; an alarm that is closed rings nowhere.
func TestWhoSleepsIsWoken(t *testing.T) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSleeper(epoll)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epoll)
	defer s.close()
	a, err := newAlarm(epoll)
	if err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	look := func() (seen int32) {
		n, err := unix.EpollWait(epoll, events, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return 0
		}
		return events[0].Fd
	}
	woken := func() {
		t.Helper()
		for look() != alarmEvent {
			if err := s.sleep(time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		a.heard()
	}
	a.ring() // before anybody waits
	woken()
	for range 3 {
		go func() {
			time.Sleep(10 * time.Millisecond)
			a.ring()
			a.ring()
		}()
		woken()
	}
	if err := s.sleep(time.Millisecond); err != nil {
		t.Errorf("the time was over: %v", err)
	}
	var pair [2]int
	if err := unix.Pipe2(pair[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, pair[0], &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 7}); err != nil {
		t.Fatal(err)
	}
	go func() { _ = unix.Close(pair[1]) }()
	for look() != 7 {
		a.heard() // it has been rung twice
		if err := s.sleep(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	a.close()
	a.ring()
	a.close()
}
