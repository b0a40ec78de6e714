package netpoll

import (
	"math/rand/v2"
	"time"
)

// drainPlan is how one loop sends its connections away over time.
type drainPlan struct {
	last  time.Time // of the last ones
	until time.Time // when all must have had their time
	end   time.Time // when those are closed that are left
}

// due returns how many of so many connections have their time now: as many as the
// time since the last call is of the time that was left then.
func (d *drainPlan) due(now time.Time, open int) int {
	left, elapsed := d.until.Sub(d.last), now.Sub(d.last)
	d.last = now
	if left <= elapsed {
		return open
	}
	// Rounded at random, so that also few connections are spread evenly.
	return min(open, int(float64(open)*float64(elapsed)/float64(left)+rand.Float64()))
}
