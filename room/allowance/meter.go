package allowance

import (
	"sync/atomic"
	"time"
)

// Rate is what a meter lets through.
type Rate struct {
	PerSecond float64 // units; zero: no limit
	Burst     int     // units that may come at once, after a rest; less than 1 counts as 1
}

// The bounds of the arithmetic, in time that it takes to make something good: what
// costs more counts as spanMax, and what was spent beyond the burst is forgiven beyond
// debtMax, so that nobody is kept out for long by one thing that cost much.
const (
	spanMax = 365 * 24 * time.Hour
	debtMax = time.Minute
)

// Meter counts what is spent by the generic cell rate algorithm (GCRA): its one number
// is the moment from which on it is as if nothing had ever been spent. The zero value
// is such a meter. Safe for concurrent use; it must not be copied.
type Meter struct {
	rested atomic.Int64 // nanoseconds after epoch; zero: nothing was spent yet
}

// epoch makes moments of times, by the clock that nobody sets back.
var epoch = time.Now()

// Take spends cost units if the rate allows it now. Where it does not, nothing is
// spent, and wait is how long it is until it will. What costs more than the burst is
// allowed after a whole rest.
func (m *Meter) Take(r Rate, cost int, now time.Time) (ok bool, wait time.Duration) {
	if r.PerSecond <= 0 {
		return true, 0
	}
	at, burst := int64(now.Sub(epoch)), r.span(max(r.Burst, 1))
	need := min(r.span(cost), burst)
	for {
		rested := m.rested.Load()
		debt := m.debt(rested, at, burst)
		if over := debt + need - burst; over > 0 {
			return false, time.Duration(over)
		}
		if m.rested.CompareAndSwap(rested, at+debt+need) {
			return true, 0
		}
	}
}

// Charge spends cost units whether the rate allows it or not, for what is known only
// once it is done. Take waits until that is made good.
func (m *Meter) Charge(r Rate, cost int, now time.Time) {
	if r.PerSecond <= 0 {
		return
	}
	at, burst := int64(now.Sub(epoch)), r.span(max(r.Burst, 1))
	for {
		rested := m.rested.Load()
		debt := min(m.debt(rested, at, burst)+r.span(cost), burst+int64(debtMax))
		if m.rested.CompareAndSwap(rested, at+debt) {
			return
		}
	}
}

// Wait returns how long it is until Take will allow one unit; zero: it does now.
func (m *Meter) Wait(r Rate, now time.Time) time.Duration {
	if r.PerSecond <= 0 {
		return 0
	}
	burst := r.span(max(r.Burst, 1))
	over := m.debt(m.rested.Load(), int64(now.Sub(epoch)), burst) + min(r.span(1), burst) - burst
	return time.Duration(max(over, 0))
}

// debt is what is spent and not made good yet, in nanoseconds.
func (m *Meter) debt(rested, at, burst int64) int64 {
	if rested == 0 {
		return 0
	}
	return min(max(rested-at, 0), burst+int64(debtMax))
}

// span is how long it takes to make so many units good, in nanoseconds.
func (r Rate) span(units int) int64 {
	return int64(min(float64(units)*float64(time.Second)/r.PerSecond, float64(spanMax)))
}
