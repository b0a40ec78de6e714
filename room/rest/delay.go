package rest

import (
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/room/allowance"
)

// refusalDelayMax is the longest that the answer to a user who asks for too much is
// delayed. It is less than what most clients wait.
const refusalDelayMax = 5 * time.Second

// delay makes a user wait who asks for too much and does not wait: a refusal is work, too,
// and a connection that waits for it asks for nothing. The first refusals are not delayed.
// What the call holds is given back before, so that it keeps nobody out.
func (c *call) delay() {
	now := time.Now()
	wait := min(c.may.Wait(allowance.Refusals, now), refusalDelayMax)
	c.may.Charge(allowance.Refusals, 1, now)
	if wait == 0 {
		return
	}
	c.unreserve()
	c.unplace()
	c.uncount()
	c.free()
	if !c.in.delay(wait) {
		c.http.SetConnectionClose()
	}
}

// strangerRefusals is what a connection is refused without delay while its requests bring
// no good token.
var strangerRefusals = allowance.Rate{PerSecond: 20, Burst: 50}

// delayStranger does the same to a connection that is refused again and again, though
// nobody knows who asks: many requests may come in one packet.
func (c *call) delayStranger() {
	if c.caller.User != (uuid.UUID{}) || c.http.Response.StatusCode() < fasthttp.StatusBadRequest {
		return
	}
	now := time.Now()
	wait := min(c.in.refusals.Wait(strangerRefusals, now), refusalDelayMax)
	c.in.refusals.Charge(strangerRefusals, 1, now)
	if wait > 0 && !c.in.delay(wait) {
		c.http.SetConnectionClose()
	}
}

// delay waits, with a place that a new connection may have. It returns false where the
// place is gone.
func (c *conn) delay(d time.Duration) (here bool) {
	dismissed := make(chan struct{})
	if !c.places.delay(c, dismissed) {
		return false
	}
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
	case <-dismissed:
	}
	return c.places.resume(c)
}
