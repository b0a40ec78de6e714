package netpoll

import (
	"context"
	"net/netip"
	"time"
)

// turn is a Loop as gnet's Runnable.
type turn Loop

func newLoop(s *shared, h Handler, index int) *Loop {
	l := &Loop{shared: s, handler: h, index: index}
	l.runnable = (*turn)(l)
	l.counts.closes = make(map[uint16]uint64)
	l.clients = make(map[*Conn]netip.AddrPort)
	l.retry = time.AfterFunc(time.Hour, l.retryDue)
	l.retry.Stop()
	l.flushTimer = time.AfterFunc(time.Hour, l.flushDue)
	l.flushTimer.Stop()
	l.tickTimer = time.AfterFunc(time.Hour, l.tickIsDue)
	l.tickTimer.Stop()
	return l
}

// Run is the turn, from the second stage on; see the package's comment. The order
// of the stages is the guarantee.
func (t *turn) Run(context.Context) error {
	l := (*Loop)(t)
	if !l.inTurn {
		l.inTurn = true
		l.readClock()
	}
	l.inStages = true

	for _, fn := range l.mail.take() {
		l.call(fn)
		l.counts.mail++
	}
	ticked := l.tickDue.Swap(false)
	if ticked {
		l.tick()
	}
	if l.stallDue.Swap(false) {
		l.retryStalled()
	}
	if l.flushIsDue.Swap(false) {
		l.gathering = false
	}
	// Handler.Close may send to others; writing finds dead sockets; closing them
	// ends connections: until nothing is left.
	gathers := l.gathers()
	if l.gathering && !gathers {
		l.flushTimer.Stop()
		l.gathering = false
	}
	for len(l.resumable)+len(l.ended)+len(l.toClose) > 0 || len(l.dirty) > 0 && !gathers {
		l.resumePostponed()
		l.callCloses()
		if !gathers {
			l.flushAll()
		}
		l.closeSockets()
	}
	for _, fn := range l.afterWrites {
		l.call(fn)
	}
	clear(l.afterWrites)
	l.afterWrites = l.afterWrites[:0]
	l.armRetry()
	l.pace(ticked)
	l.counts.turns++
	l.board.show(&l.counts)
	l.inTurn, l.inStages = false, false
	l.wakeAgain()
	l.askToDoze()
	return nil
}

// callCloses calls Handler.Close for the connections that ended.
func (l *Loop) callCloses() {
	for i := 0; i < len(l.ended); i++ {
		e := l.ended[i]
		l.ended[i] = ended{}
		l.callClose(e)
		e.c.leaveTopics()
	}
	l.ended = l.ended[:0]
}

// stopped is called when the loop's goroutine has ended: what was left to tell is told.
func (l *Loop) stopped() {
	l.retry.Stop()
	l.flushTimer.Stop()
	l.tickTimer.Stop()
	l.mail.close()
	l.endDozing()
	l.callCloses()
	l.board.show(&l.counts)
}
