package netpoll

import (
	"math/rand/v2"
	"time"
)

// drainPlan is how one loop closes its connections over time.
type drainPlan struct {
	last, until time.Time // of the last closes; when all must be closed
}

// due returns how many of the open connections are to be closed now: as many as the
// time since the last call is of the time that was left then.
func (d *drainPlan) due(now time.Time, open int) int {
	left, elapsed := d.until.Sub(d.last), now.Sub(d.last)
	d.last = now
	if left <= elapsed {
		return open
	}
	// Rounded at random, so that also few connections are spread evenly.
	return int(float64(open)*float64(elapsed)/float64(left) + rand.Float64())
}
