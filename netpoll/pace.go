package netpoll

import "time"

const (
	// tickPeriod is how often a loop looks at the clock although nothing happens, where
	// time brings something to some of its connections.
	tickPeriod = 100 * time.Millisecond
)

// pace ends a turn: it sets the time of the next tick. A loop whose connections are all
// open, written to and read, or that has none, has little to do with the clock, and each time
// that a process wakes up costs it more than what it then does: Go's monitor alone asks fifty times
// whether the loop, which waits again, is to give its processor away. So calm loops tick once in a scan
// period, and all of them at one time.
func (l *Loop) pace(ticked bool) {
	period := tickPeriod
	if n := len(l.conns); l.counts.open == n && l.unscanned == 0 && len(l.paused)+len(l.stalled)+len(l.corked) == 0 && l.drain == nil && !l.deaf {
		whole := l.shared.limits.scanPeriod
		period = whole - time.Duration(l.at)*time.Millisecond%whole
	}
	// A tick that is due is never put off, however often the loop changes meanwhile.
	if at := l.now.Add(period); ticked || at.Before(l.tickAt) {
		l.tickAt = at
		l.tickTimer.Reset(period)
	}
}
