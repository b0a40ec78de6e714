package netpoll

import "time"

// stallRetry is how often stalled connections are looked at.
const stallRetry = 5 * time.Millisecond

// Where a loop does little but write to the same connections again and again, what comes
// for them gathers a while: twice the bytes in a write cost hardly more than the write.
const (
	gatherMin = time.Millisecond     // a flush that took less is not worth a wait
	gatherMax = 5 * time.Millisecond // longest wait after a flush
)

// until is when the next flush had better begin.
func (f *flushed) until() time.Time { return f.ended.Add(min(f.took/2, gatherMax)) }

// again tells whether connections that were written are to be written again.
func (f *flushed) again() bool {
	n := 0
	for _, c := range f.some {
		if c != nil && c.flow == flowDirty {
			n++
		}
	}
	return n > len(f.some)/2
}

// gathers tells whether the flush of this turn waits for a later one, which has then been
// asked for.
func (l *Loop) gathers() bool {
	f := &l.flushed
	if f.took < gatherMin || !f.again() {
		return false
	}
	wait := f.until().Sub(l.now)
	if wait <= 0 {
		return false
	}
	if !l.gathering {
		l.gathering = true
		l.flushTimer.Reset(wait)
	}
	return true
}

// flushDue is called by the timer, on a goroutine of its own.
func (l *Loop) flushDue() {
	l.flushIsDue.Store(true)
	l.Wake()
}

// flushAll is the turn's flush, which is timed where it is long.
func (l *Loop) flushAll() {
	n := len(l.dirty)
	if n < timedMin {
		l.flush()
		return
	}
	some := [...]*Conn{l.dirty[0], l.dirty[n/2], l.dirty[n-1]}
	began := time.Now()
	l.flush()
	ended := time.Now()
	l.flushed = flushed{ended, ended.Sub(began), some}
}

// timedMin is how many writes may take gatherMin.
const timedMin = 64

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

// undirty takes c, which is not to be written in this turn, out of the list where it was
// the last to come in: so the turn may have nothing left to do. Otherwise flush passes it over.
func (l *Loop) undirty(c *Conn) {
	if n := len(l.dirty) - 1; n >= 0 && l.dirty[n] == c {
		l.dirty[n] = nil
		l.dirty = l.dirty[:n]
	}
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
