package netpoll

import "time"

const (
	// tickPeriod is how often a loop looks at the clock although nothing happens, where
	// time brings something to some of its connections.
	tickPeriod = 100 * time.Millisecond

	// calmPeriodMax is how often it does at least.
	calmPeriodMax = 500 * time.Millisecond

	// calmConnsMax is how many connections a loop looks at in half of a second at the most:
	// with more, one turn would be long.
	calmConnsMax = 10_000
)

// pace ends a turn: it sets the time of the next tick. A loop whose connections are all
// open, written to and read, or that has none, has little to do with the clock, and each time
// that a process wakes up costs it more than what it then does.
func (l *Loop) pace(ticked bool) {
	period := tickPeriod
	if n := len(l.conns); l.counts.open == n && n <= calmConnsMax && len(l.paused)+len(l.stalled)+len(l.corked) == 0 && l.drain == nil && !l.deaf {
		period = l.shared.limits.calmPeriod
	}
	// A tick that is due is never put off, however often the loop changes meanwhile.
	if at := l.now.Add(period); ticked || at.Before(l.tickAt) {
		l.tickAt = at
		l.tickTimer.Reset(period)
	}
}
