package netpoll

import (
	"context"
	"math/rand/v2"
	"time"
)

// drainPlan is how one loop closes its connections over time.
type drainPlan struct {
	last, until time.Time // of the last closes; when all must be closed
}

// drainPoll is how often Drain looks whether the last connection is gone.
const drainPoll = 10 * time.Millisecond

// Drain refuses new connections with 503 and closes the open ones with
// CloseRestart, at random moments spread over most of the time until ctx's
// deadline (or Config.DrainTimeout), so that a fleet does not come back in one
// instant. It returns nil when the last one is gone, or ctx's error. The engine
// runs on, until Close; a second Drain is a Close. Connections that were given to
// Config.HTTP are not its concern.
func (s *Server) Drain(ctx context.Context) error {
	if s.draining.Swap(true) {
		s.Close()
		return nil
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(s.cfg.DrainTimeout)
	}
	// The last quarter is for the close handshakes of the last ones.
	until := time.Now().Add(time.Until(deadline) * 3 / 4)
	for _, l := range s.loops {
		l.Post(func() { l.beginDrain(until) })
	}
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for s.sockets.Load() > 0 {
		select {
		case <-poll.C:
		case <-s.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// beginDrain refuses the clients whose request is not complete, and makes the plan
// for the others.
func (l *Loop) beginDrain(until time.Time) {
	l.drain = &drainPlan{last: l.now, until: until}
	for _, c := range l.conns {
		if c.state == stateHandshake {
			l.refuse(c, unavailable(), RefusedDraining)
		}
	}
}

// drainSome closes as many of the open connections as the time since the last
// call is of the time that is left.
func (l *Loop) drainSome() {
	d := l.drain
	if d == nil {
		return
	}
	left, elapsed := d.until.Sub(d.last), l.now.Sub(d.last)
	d.last = l.now
	n := l.counts.open
	if left > elapsed {
		// Rounded at random, so that also few connections are spread evenly.
		n = int(float64(n)*float64(elapsed)/float64(left) + rand.Float64())
	}
	for i, from := 0, rand.IntN(len(l.conns)+1); n > 0 && i < len(l.conns); i++ {
		if c := l.conns[(from+i)%len(l.conns)]; c.state == stateOpen {
			l.finish(c, Closed{CloseRestart, "server restarts", CauseDrain})
			n--
		}
	}
}
