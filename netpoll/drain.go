package netpoll

import (
	"context"
	"math/rand/v2"
	"time"
)

// drainPoll is how often Drain looks whether the last connection is gone.
const drainPoll = 10 * time.Millisecond

// Refuse answers every handshake that comes from now on with r, before Handler.Upgrade
// sees it. Connections that are open stay open, and plain HTTP goes on. It is for the
// time before a Drain in which what was accepted is still worked on.
func (s *Server) Refuse(r *Refusal) { s.refusal.Store(r) }

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

// closeSome closes those of the open connections whose time has come.
func (l *Loop) closeSome() {
	if l.drain == nil {
		return
	}
	n := l.drain.due(l.now, l.counts.open)
	for i, from := 0, rand.IntN(len(l.conns)+1); n > 0 && i < len(l.conns); i++ {
		if c := l.conns[(from+i)%len(l.conns)]; c.state == stateOpen {
			l.finish(c, Closed{CloseRestart, "server restarts", CauseDrain})
			n--
		}
	}
}
