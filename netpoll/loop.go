package netpoll

import "time"

// Loop is one event loop.
type Loop struct {
	server *Server
	index  int
	now    time.Time
}

// Post hands fn to the loop, which calls it in the mail stage of a turn, soon.
// What is posted by one goroutine is called in the order of the posts. Safe from
// any goroutine; never blocks; a loop wakes up once for all that was posted
// meanwhile. What is posted to a server that has stopped is dropped.
func (l *Loop) Post(fn func()) { panic("skeleton") }

// Index returns the loop's number, from 0. Safe from any goroutine.
func (l *Loop) Index() int { return l.index }

// Now returns the time of this turn, which is read from the clock once. Only on
// the loop.
func (l *Loop) Now() time.Time { return l.now }
