package bench

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/control"
)

const (
	strangersMax = 16          // connections that have proven nothing yet: a further one takes the place of the oldest
	refusalPause = time.Second // between two lines of the log about those who were refused, and between two greetings while a run goes on
)

var errCrowded = errors.New("another coordinator has this agent")

// strangers are the connections to an agent that have proven nothing yet. It is safe for concurrent
// use.
type strangers struct {
	say func(format string, args ...any)

	mu      sync.Mutex
	all     []*control.Conn // the oldest first
	greeted time.Time       // the last one
	refused int             // of whom the log does not know yet
	said    time.Time
}

// admit reports whether a connection is to be greeted, which takes time of the processor: during a
// run one a second is, so that another coordinator hears why it has to wait.
func (s *strangers) admit(c *control.Conn, busy bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if busy && time.Since(s.greeted) < refusalPause {
		s.refuse(c, errCrowded)
		return false
	}
	if len(s.all) == strangersMax {
		s.all[0].Close() // whoever waits for it ends
		s.all = s.all[1:]
	}
	s.all, s.greeted = append(s.all, c), time.Now()
	return true
}

// leave notes that a connection has proven itself, or why it was refused.
func (s *strangers) leave(c *control.Conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(other *control.Conn) bool { return other == c })
	if err != nil {
		s.refuse(c, err)
	}
}

// refuse counts a connection that was refused, and now and then says so. s.mu is held.
func (s *strangers) refuse(c *control.Conn, why error) {
	s.refused++
	if time.Since(s.said) >= refusalPause {
		s.say("%d refused, at last %s: %v", s.refused, c.RemoteAddr(), why)
		s.refused, s.said = 0, time.Now()
	}
}
