package netpoll

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// drainPoll is how often Drain looks whether the last connection is gone.
const drainPoll = 10 * time.Millisecond

// handshakesWait is for the TCP handshakes that are under way when a drain begins, where
// another process listens, too.
const handshakesWait = 300 * time.Millisecond

// deafWait is for all loops to stop hearing new clients, when a drain begins.
const deafWait = 3 * time.Second

// Of a drain's time, in which part all connections have their time, and when those are
// closed that Config.Part has not closed. The rest is for the close handshakes.
const (
	drainSpread = 5.0 / 8
	drainEnd    = 6.0 / 8
)

// Drain ends the service to the clients. The kernel refuses new connections from now
// on, so that a balancer tries another server. Where the address may be shared
// (claim.Address.Shared), it leaves those that begin in the first 0.3 s without an answer:
// the client's kernel tries again after a second, and reaches another process that
// listens there, or is refused. Who has a connection is served as before until its time
// comes: then its WebSocket is closed with CloseRestart. That is spread over most of the
// time until ctx's deadline (or Config.DrainTimeout), so that a fleet does not come back
// in one instant, the oldest connections first. Handshakes that come after all had
// their time are refused with 503.
//
// It returns nil when the last one is gone, or ctx's error. The engine
// runs on, until Close; a second Drain is a Close. Connections that were given to
// Config.HTTP are not its concern.
func (s *Server) Drain(ctx context.Context) error {
	if s.draining.Swap(true) {
		s.Close()
		return nil
	}
	begun := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = begun.Add(s.cfg.DrainTimeout)
	}
	part := func(of float64) time.Time { return begun.Add(time.Duration(of * float64(deadline.Sub(begun)))) }
	if s.address.Shared() {
		s.letOthersHear(ctx)
	}
	for _, l := range s.loops {
		l.Post(func() { l.beginDrain(part(drainSpread), part(drainEnd)) })
	}
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for !s.empty() {
		select {
		case <-poll.C:
			if time.Now().After(part(drainEnd)) {
				s.drained.Store(true)
			}
		case <-s.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// letOthersHear leaves new connections to the other processes that listen. The kernel resets
// what is on the way to a listener when it is shut. So first clients that begin are not heard:
// they try again by themselves, a second after that, and are heard by another process. Those
// that had begun come in meanwhile.
func (s *Server) letOthersHear(ctx context.Context) {
	deaf := make(chan struct{}, len(s.loops))
	for _, l := range s.loops {
		l.Post(func() {
			l.unhear()
			deaf <- struct{}{}
		})
	}
	late := time.NewTimer(deafWait)
	defer late.Stop()
	for waiting := len(s.loops); waiting > 0; waiting-- { // one that is busy hears new clients until it comes to this
		select {
		case <-deaf:
		case <-late.C: // it may stand still, and the others' clients are to be told
			waiting = 1
		case <-s.done:
			return
		case <-ctx.Done():
			return
		}
	}
	wait := time.NewTimer(handshakesWait)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.done:
	case <-ctx.Done():
	}
}

// empty tells whether there is no connection, and will be none.
func (s *Server) empty() bool {
	if s.listeners.Load() > 0 || s.sockets.Load() > 0 {
		return false
	}
	s.drained.Store(true)
	return s.sockets.Load() == 0 // Config.HTTP may have given one back meanwhile
}

// beginDrain shuts the listener and makes the plan.
func (l *Loop) beginDrain(until, end time.Time) {
	l.shutListener()
	l.drain, l.toPart = &drainPlan{last: l.now, until: until, end: end}, l.oldestFirst()
}

// oldestFirst returns the open connections in the order in which they are sent away: who
// came lately may have been sent away by another node a moment ago.
func (l *Loop) oldestFirst() (order []*Conn) {
	for _, c := range l.conns {
		if c.state == stateOpen {
			order = append(order, c)
		}
	}
	age := func(c *Conn) uint32 { return l.born - l.births[c.position] } // right also where the numbers begin again
	slices.SortFunc(order, func(a, b *Conn) int { return cmp.Compare(age(b), age(a)) })
	return order
}

// sendSomeAway sends those of the open connections away whose time has come.
func (l *Loop) sendSomeAway() {
	d := l.drain
	if d == nil {
		return
	}
	l.shutListener()
	n := d.due(l.now, len(l.toPart))
	if n > 0 {
		l.callPart(l.toPart[:n:n]) // those that are not open any more are passed over by Conn.Part
		l.toPart = l.toPart[n:]
	}
	if l.now.After(d.end) {
		for _, c := range l.conns {
			c.Part()
		}
	}
}

// callPart asks the Handler's program to send connections away.
func (l *Loop) callPart(cs []*Conn) {
	if part := l.parting; part != nil {
		l.call(func() { part(l, cs) })
		return
	}
	for _, c := range cs {
		c.Part()
	}
}
