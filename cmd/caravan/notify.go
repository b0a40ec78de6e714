package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// supervisor is the process manager that started this process and wants to hear of it, as
// systemd does for Type=notify. The zero value is nobody.
type supervisor struct {
	conn  net.Conn
	watch time.Duration // how often it wants a sign of life; zero: never
	alive sync.WaitGroup
	stop  context.CancelFunc
}

// findSupervisor reads what the manager has put into the environment (sd_notify(3),
// sd_watchdog_enabled(3)). It takes that out, as it concerns no child of this process.
func findSupervisor() *supervisor {
	s := &supervisor{stop: func() {}}
	socket := os.Getenv("NOTIFY_SOCKET")
	every, pid := os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name)
	}
	if socket == "" {
		return s
	}
	conn, err := net.Dial("unixgram", socket) // @name is in the abstract name space, for Go as for systemd
	if err != nil {
		return s // who started this by hand has an old environment
	}
	s.conn = conn
	if usec, err := strconv.ParseInt(every, 10, 64); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		s.watch = time.Duration(usec) * time.Microsecond
	}
	return s
}

func (s *supervisor) tell(state string) {
	if s.conn != nil {
		_, _ = s.conn.Write([]byte(state)) // a manager that is gone misses nothing
	}
}

// stopMargin is how much longer than its configured times a stop may take.
const stopMargin = 10 * time.Second

// stopping says that the server stops, and how long that may take by its settings, which the
// manager does not know.
func (s *supervisor) stopping(cfg *config.Config) {
	longest := cfg.ShutdownDelay + cfg.DrainTimeout + stopMargin
	s.tell(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", longest.Microseconds()))
}

// ready says that clients are served, and begins to give signs of life: each when all event
// loops have made a turn.
func (s *supervisor) ready(a *app.App) {
	s.tell("READY=1")
	if s.watch == 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.alive.Go(func() {
		every := time.NewTicker(s.watch / 3)
		defer every.Stop()
		for {
			if a.Turns(ctx) == nil {
				s.tell("WATCHDOG=1")
			}
			select {
			case <-every.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// close ends the signs of life.
func (s *supervisor) close() {
	s.stop()
	s.alive.Wait()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}
