package netpoll

import "time"

const (
	// tickPeriod is how often a loop looks at the clock although nothing happens, where
	// time brings something to some of its connections.
	tickPeriod = 100 * time.Millisecond

	// calmPeriodMax is how often it does at least.
	calmPeriodMax = 500 * time.Millisecond
)

// pace ends a turn: it sets the time of the next tick. A loop whose connections are all
// open, written to and read, or that has none, has little to do with the clock, and each time
// that a process wakes up costs it more than what it then does.
func (l *Loop) pace(ticked bool) {
	was := l.calm
	l.calm = l.counts.open == len(l.conns) && len(l.paused)+len(l.stalled)+len(l.corked) == 0 && l.drain == nil && !l.deaf
	switch {
	case ticked && l.calm:
		l.tickTimer.Reset(l.shared.limits.calmPeriod)
	case ticked, was && !l.calm:
		l.tickTimer.Reset(tickPeriod)
	}
}
