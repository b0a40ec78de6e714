package netpoll

import (
	"context"
	"runtime/debug"
	"time"
)

// wake makes sure that a turn will begin after this call. At most one wake-up is
// outstanding, and none is sent while a turn runs: it looks itself, at its end,
// whether it is wanted again.
func (l *Loop) wake() {
	if l.engine.Load() != nil && l.wakeful.CompareAndSwap(false, true) {
		l.execute()
	}
}

// execute has gnet run a turn. gnet runs its tasks after all the events of an
// epoll batch: so the turn's later stages see everything that the sockets brought.
func (l *Loop) execute() {
	l.waking.Lock()
	defer l.waking.Unlock()
	if !l.deaf {
		// The only error is that the engine has stopped.
		_ = (*l.engine.Load()).Execute(context.Background(), (*turn)(l))
	}
}

// wakeAgain is the end of a turn: something may have come meanwhile. gnet goes on
// with tasks until there are none; with busy posters, turns as tasks that follow
// each other would never let it look at its sockets. So the next turn is asked
// for by an event on the anchor, which waits its turn among the sockets.
func (l *Loop) wakeAgain() {
	l.wakeful.Store(false)
	if l.mail.len() == 0 && !l.tickDue.Load() && !l.stallDue.Load() {
		return
	}
	if !l.wakeful.CompareAndSwap(false, true) {
		return // somebody has woken the loop since
	}
	if l.anchor == nil {
		l.execute()
		return
	}
	l.anchor.pull()
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
	l.readClock()
	l.wake()
}

func (l *Loop) readClock() {
	l.now = time.Now()
	l.at = moment(l.now.Sub(l.server.epoch) / time.Millisecond)
}

// turn is a Loop as gnet's Runnable.
type turn Loop

// Run is the turn, from the second stage on; see the package's comment. The order
// of the stages is the guarantee.
func (t *turn) Run(context.Context) error {
	l := (*Loop)(t)
	if !l.inTurn {
		l.inTurn = true
		l.readClock()
	}

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
	l.wakeAgain()
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
