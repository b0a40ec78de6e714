package netpoll

import (
	"context"
	"time"
)

// Post hands fn to the loop, which calls it in the mail stage of a turn, soon.
// What is posted by one goroutine is called in the order of the posts. Safe from
// any goroutine; never blocks; a loop wakes up once for all that was posted
// meanwhile. What is posted to a server that has stopped is dropped.
func (l *Loop) Post(fn func()) {
	l.Queue(fn)
	l.Wake()
}

// Queue is the first half of Post: it puts fn into the loop's mailbox and makes no
// system call, so it may be called under a lock. Wake must follow. Where it is
// forgotten, fn is called with the loop's next turn, at the latest after a
// second. Safe from any goroutine.
func (l *Loop) Queue(fn func()) { l.mail.put(fn) }

// Wake is the second half of Post: a turn begins soon in which all that was queued
// before this call is called. It may be one system call; it is none where the loop
// has been woken already, or is in a turn: that looks itself, at its end, whether
// another one is wanted. Safe from any goroutine.
func (l *Loop) Wake() {
	if l.engine.Load() != nil && l.woken.CompareAndSwap(false, true) {
		l.execute()
	}
}

// tickIsDue is called by the timer, on a goroutine of its own.
func (l *Loop) tickIsDue() {
	l.tickDue.Store(true)
	l.Wake()
}

// MailWaiting returns how many posted functions wait for the loop's next turn. Who
// posts much can see here that the loop does not keep up. Safe from any goroutine.
func (l *Loop) MailWaiting() int { return l.mail.len() }

// execute has gnet run a turn. gnet runs its tasks after all the events of an
// epoll batch: so the turn's later stages see everything that the sockets brought.
func (l *Loop) execute() {
	l.waking.Lock()
	defer l.waking.Unlock()
	if !l.wakeForbidden {
		// The only error is that the engine has stopped.
		_ = (*l.engine.Load()).Execute(context.Background(), l.runnable)
	}
}

// wakeAgain is the end of a turn: something may have come meanwhile. gnet goes on
// with tasks until there are none; with busy posters, turns as tasks that follow
// each other would never let it look at its sockets. So the next turn is asked
// for by an event on the waker, which waits its turn among the sockets.
func (l *Loop) wakeAgain() {
	l.woken.Store(false)
	if l.mail.len() == 0 && !l.tickDue.Load() && !l.stallDue.Load() && !l.flushIsDue.Load() {
		return
	}
	if !l.woken.CompareAndSwap(false, true) {
		return // somebody has woken the loop since
	}
	if l.waker == nil {
		l.execute()
		return
	}
	l.wanted = true
	l.waker.signal()
}

// signalled takes the waker's event.
func (l *Loop) signalled() {
	l.dozing.asked = false
	if l.wanted {
		l.wanted = false
		l.execute()
		return
	}
	l.doze()
}

// forbidWake makes Wake do nothing from now on. gnet wakes a loop by writing to an
// event descriptor, also just after it has closed it: then the number may be that
// of any other file of the process.
func (l *Loop) forbidWake() {
	l.waking.Lock()
	defer l.waking.Unlock()
	l.wakeForbidden = true
}

// begin opens a turn where none is open: the clock is read. Called first in each event
// that comes from gnet; endEvent is called last.
func (l *Loop) begin() {
	if !l.inTurn {
		l.inTurn = true
		l.readClock()
	}
}

// endEvent asks for the later stages of the turn where they have something to do. Where
// they have nothing, the turn is over: to ask costs a write to gnet's event descriptor,
// and one more look at the sockets. In those stages themselves it does nothing: they go
// on until nothing is left.
func (l *Loop) endEvent() {
	switch {
	case l.inStages:
	case l.moreToDo():
		l.Wake()
	default:
		l.pace(false)
		l.board.show(&l.counts)
		l.inTurn = false
		l.askToDoze()
	}
}

// moreToDo tells whether the later stages have something to do.
func (l *Loop) moreToDo() bool {
	return len(l.resumable)+len(l.ended)+len(l.toClose) > 0 || len(l.dirty) > 0 && !l.gathering || len(l.stalled) > 0 && !l.retrying
}

func (l *Loop) readClock() {
	now := time.Now()
	if now.Sub(l.now) >= dozeAfter && l.dozing.file != nil {
		l.dozing.on, l.dozing.short = true, 0
	}
	l.now = now
	l.at = moment(l.now.Sub(l.shared.epoch) / time.Millisecond)
}
