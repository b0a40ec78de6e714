package netpoll

import (
	"context"
	"runtime/debug"
	"time"
)

// wake makes sure that a turn will begin after this call. At most one wake-up is
// outstanding.
func (l *Loop) wake() {
	engine := l.engine.Load()
	if engine == nil || !l.wakeful.CompareAndSwap(false, true) {
		return
	}
	l.waking.Lock()
	defer l.waking.Unlock()
	if l.deaf {
		return
	}
	// gnet runs its tasks after all the events of an epoll batch: so the turn's
	// later stages see everything that the sockets brought. The only error is that
	// the engine has stopped.
	_ = (*engine).Execute(context.Background(), (*turn)(l))
}

// deafen makes wake do nothing from now on. gnet wakes a loop by writing to an
// event descriptor, also just after it has closed it: then the number may be that
// of any other file of the process.
func (l *Loop) deafen() {
	l.waking.Lock()
	defer l.waking.Unlock()
	l.deaf = true
}

// begin opens a turn where none is open: the clock is read, and the later stages
// are asked for. Called first in each event that comes from gnet.
func (l *Loop) begin() {
	if l.inTurn {
		return
	}
	l.inTurn = true
	l.now = time.Now()
	l.at = moment(l.now.Sub(l.server.epoch) / time.Millisecond)
	l.wake()
}

// turn is a Loop as gnet's Runnable.
type turn Loop

// Run is the turn, from the second stage on; see the package's comment. The order
// of the stages is the guarantee.
func (t *turn) Run(context.Context) error {
	l := (*Loop)(t)
	l.wakeful.Store(false) // what is posted from here on asks for the next turn
	l.begin()

	for _, fn := range l.mail.take() {
		l.call(fn)
		l.counts.mail++
	}
	if l.tickDue.Swap(false) {
		l.tick()
	}
	if l.stallDue.Swap(false) {
		l.retryStalled()
	}
	// Handler.Close may send to others; writing finds dead sockets; closing them
	// ends connections: until nothing is left.
	for len(l.ended)+len(l.dirty)+len(l.doomed) > 0 {
		l.sayFarewells()
		l.flush()
		l.closeDoomed()
	}
	l.armRetry()
	l.counts.turns++
	l.show()
	l.inTurn = false
	return nil
}

// call runs a posted function.
func (l *Loop) call(fn func()) {
	defer l.recovered(nil)
	fn()
}

// recovered, deferred around each call of the Handler, turns a panic into the end
// of the connection that it was about, if it was about one.
func (l *Loop) recovered(c *Conn) {
	v := recover()
	if v == nil {
		return
	}
	l.counts.panics++
	l.server.cfg.Log.Error("netpoll: panic in handler", "panic", v, "stack", string(debug.Stack()))
	if c == nil {
		return
	}
	switch c.state {
	case stateHandshake:
		l.refuse(c, &Refusal{Status: 500}, RefusedHandler)
	case stateOpen:
		l.finish(c, Closed{CloseInternal, "internal error", CausePanic})
	case stateEnding, stateLingering, stateBroken, stateGone:
	}
}
