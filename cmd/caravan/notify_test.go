package main

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// TestASupervisorHearsOfTheServer as systemd does: that it is ready, that it lives, that it
// stops.
func TestASupervisorHearsOfTheServer(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hear := func() string {
		t.Helper()
		_ = l.SetReadDeadline(time.Now().Add(await.Limit))
		state := make([]byte, 100)
		n, err := l.Read(state)
		if err != nil {
			t.Fatal(err)
		}
		return string(state[:n])
	}
	s := serveWith(t, append([]string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=300000"}, ownSecret...), "--drain-timeout", "1s")
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if state := hear(); state != want {
			t.Errorf("the supervisor heard %s, want %s", state, want)
		}
	}
	s.signal(syscall.SIGTERM)
	for hear() != "STOPPING=1\nEXTEND_TIMEOUT_USEC=11000000" { // signs of life that were on their way
	}
	if status := s.status(); status != exitOK {
		t.Errorf("status %d\n%s", status, s.logged())
	}
}

// TestNoSignsOfLifeForAnotherProcess: WATCHDOG_PID says who is meant. A socket that is
// gone is nobody's.
func TestNoSignsOfLifeForAnotherProcess(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "1")
	s := findSupervisor()
	if s.conn == nil || s.watch != 0 {
		t.Errorf("a sign of life each %v", s.watch)
	}
	_ = l.Close()
	s.tell("READY=1")
	s.close()
	t.Setenv("NOTIFY_SOCKET", socket+"-gone")
	if s := findSupervisor(); s.conn != nil {
		t.Error("there is nobody")
	}
}
