package netpoll

import (
	"time"
)

const (
	// scanPeriodMax is the longest time between two looks at one connection.
	scanPeriodMax = time.Second

	// handlerTickPeriod is the time between two calls of Handler.Tick.
	handlerTickPeriod = time.Second
)

// tick does what time brings. There are no timers per connection: each tick looks
// at a share of the connections, so that all are looked at once in a scan period
// and no turn is long.
func (l *Loop) tick() {
	l.acceptAgain()
	l.resumePaused()
	l.scan()
	l.closeStalled()
	l.sendSomeAway()
	l.uncork()
	if l.now.Sub(l.tickTime) >= handlerTickPeriod-tickPeriod/2 {
		l.tickTime = l.now
		l.outboxes.Trim()
		l.callTick()
	}
}

// scan looks at the next share of the connections.
func (l *Loop) scan() {
	elapsed := min(l.now.Sub(l.scanTime), l.shared.limits.scanPeriod)
	l.scanTime = l.now
	share := int(int64(len(l.conns))*int64(elapsed)/int64(l.shared.limits.scanPeriod)) + 1 // at most all, and one twice
	for n := share; n > 0 && len(l.conns) > 0; n-- {
		if l.scanned >= len(l.conns) {
			l.scanned = 0
		}
		l.inspect(l.conns[l.scanned])
		l.scanned++
	}
}

// inspect looks whether the time of c's state is over.
func (l *Loop) inspect(c *Conn) {
	limits := &l.shared.limits
	switch c.state {
	case stateHandshake:
		waited := l.at.since(c.mark)
		switch why, turnedAway := l.turnsAway(c); {
		case turnedAway && waited >= min(refusalWait, limits.handshakeTimeout):
			l.refuse(c, unavailable(), why)
		case l.drain != nil && waited >= refusalWait:
			l.refuse(c, unavailable(), RefusedDraining)
		case waited >= limits.handshakeTimeout:
			l.refuse(c, &Refusal{Status: 408}, RefusedTimeout)
		}
	case stateOpen:
		silent := l.at.since(c.heard)
		switch { // one of them: each may end the connection
		case silent >= limits.idleTimeout:
			l.finish(c, Closed{CloseGoingAway, "no sign of life", CauseIdle})
		case silent >= limits.pingInterval && l.at.since(c.mark) >= limits.pingInterval:
			l.ping(c)
		default:
			l.answerOwedPing(c)
		}
	case stateParting:
		if l.at.since(c.mark) >= endingTimeout {
			l.depart(c)
		}
	case stateEnding, stateLingering:
		if l.at.since(c.mark) >= endingTimeout {
			l.move(c, stateClosing)
		}
	case stateClosing, stateGone:
	}
}
