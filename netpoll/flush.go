package netpoll

import "time"

// stallRetry is how often stalled connections are looked at.
const stallRetry = 5 * time.Millisecond

// flush writes what this turn has queued: each connection once.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		if c.flow == flowDirty {
			l.moveFlow(c, flowIdle)
			l.writeOut(c)
		}
	}
	l.dirty = l.dirty[:0]
}

// uncork has the answers written that have waited long enough.
func (l *Loop) uncork() {
	for i, c := range l.corked {
		if c.flow == flowCorked {
			l.moveFlow(c, flowDirty)
		}
		l.corked[i] = nil
	}
	l.corked = l.corked[:0]
}

// retryStalled looks at the stalled connections and writes to those whose bytes
// gnet got rid of.
func (l *Loop) retryStalled() {
	l.retrying = false
	all := l.stalled
	l.stalled = l.stalled[:0]
	for _, s := range all {
		c := s.c
		switch {
		case c.flow != flowStalled: // gone
		case c.raw.OutboundBuffered() > 0:
			l.stalled = append(l.stalled, s)
		default:
			l.moveFlow(c, flowIdle)
			l.writeOut(c)
		}
	}
	clear(all[len(l.stalled):])
}

// armRetry runs the timer while, and only while, there are stalled connections.
func (l *Loop) armRetry() {
	l.counts.stalled = len(l.stalled)
	if len(l.stalled) > 0 && !l.retrying {
		l.retrying = true
		l.retry.Reset(stallRetry)
	}
}

// retryDue is called by the timer, on a goroutine of its own.
func (l *Loop) retryDue() {
	l.stallDue.Store(true)
	l.Wake()
}
