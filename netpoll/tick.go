package netpoll

import (
	"time"
)

const (
	// scanPeriodMax is the longest time between two looks at one connection.
	scanPeriodMax = time.Second

	// handlerTickPeriod is the time between two calls of Handler.Tick, or so: the first tick in each calls it, so
	// that one that is late makes the next one no later.
	handlerTickPeriod = time.Second

	// inspectionsMax is how many connections are looked at closely in one turn: a ping to each
	// takes some milliseconds. The others wait for the next tick.
	inspectionsMax = 1024
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
	if second := l.at / moment(handlerTickPeriod/time.Millisecond); second != l.tickSecond {
		l.tickSecond = second
		l.outboxes.Trim()
		l.callTick()
	}
}

// scan looks at the next share of the connections.
func (l *Loop) scan() {
	elapsed := min(l.now.Sub(l.scanTime), l.shared.limits.scanPeriod)
	l.scanTime = l.now
	share := int(int64(len(l.conns))*int64(elapsed)/int64(l.shared.limits.scanPeriod)) + 1 // at most all, and one twice
	share = min(share+l.unscanned, len(l.conns)+1)
	l.unscanned = 0
	inspected := 0
	for n := share; n > 0 && len(l.conns) > 0; n-- {
		if inspected == inspectionsMax {
			l.unscanned = n
			return
		}
		if l.scanned >= len(l.conns) {
			l.scanned = 0
		}
		i := l.scanned
		l.scanned++
		if l.at.before(l.due[i]) { // most are, and nothing of theirs is touched
			continue
		}
		inspected++
		c := l.conns[i]
		if next := l.inspect(c); i < len(l.conns) && l.conns[i] == c {
			l.due[i] = next
		}
	}
}

// inspect looks whether the time of c's state is over, and returns before when that need not be looked at again,
// as long as isDue is not called. What is heard and what is sent meanwhile only puts it off.
func (l *Loop) inspect(c *Conn) (next moment) {
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
		if c.state == stateOpen && c.pongs == nil {
			ping := max(limits.pingInterval-l.at.since(c.heard), limits.pingInterval-l.at.since(c.mark))
			return l.at.after(min(ping, limits.idleTimeout-l.at.since(c.heard)))
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
	return l.at
}
