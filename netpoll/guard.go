package netpoll

import "runtime/debug"

// recovered, deferred around each call of the Handler, turns a panic into the end
// of the connection that it was about, if it was about one.
func (l *Loop) recovered(c *Conn) {
	v := recover()
	if v == nil {
		return
	}
	l.counts.panics++
	l.shared.log.Error("netpoll: panic in handler", "panic", v, "stack", string(debug.Stack()))
	if c == nil {
		return
	}
	switch c.state {
	case stateHandshake:
		l.refuse(c, &Refusal{Status: 500}, RefusedHandler)
	case stateOpen, stateParting:
		l.finish(c, Closed{CloseInternal, "internal error", CausePanic})
	case stateEnding, stateLingering, stateClosing, stateGone:
	}
}

// call runs a posted function.
func (l *Loop) call(fn func()) {
	defer l.recovered(nil)
	fn()
}

func (l *Loop) callTick() {
	defer l.recovered(nil)
	l.handler.Tick(l, l.now)
}

// callClose tells the Handler that a connection has ended.
func (l *Loop) callClose(e ended) {
	defer l.recovered(e.c)
	l.handler.Close(e.c, e.why)
}
