package netpoll

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/cpu"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// Loop is one event loop: the connections that it accepted and the turn in which
// it works for them (turn.go).
type Loop struct {
	// Static after construction.
	server *Server
	index  int

	// Any goroutine.
	mail     mailbox
	engine   atomic.Pointer[gnet.EventLoop] // nil until the engine runs
	wakeful  atomic.Bool                    // a turn is already on its way
	tickDue  atomic.Bool
	stallDue atomic.Bool
	shown    board
	waking   sync.Mutex
	deaf     bool // guarded by waking: the engine is ending

	_ cpu.CacheLinePad // the others' writes above do not disturb the loop's below

	// Owned by the loop.
	now    time.Time // of this turn
	at     moment    // the same, short
	inTurn bool      // something happened since the last turn ended
	anchor *anchor

	conns    []*Conn // all sockets of this loop, in no order
	dirty    []*Conn // to be written at the end of the turn
	held     []*Conn // whose handshake's answer waits, and some that did; see Conn.Hold
	ended    []farewell
	doomed   []*Conn // sockets to be closed at the end of the turn
	stalled  []*Conn // connections whose kernel buffer is full
	retry    *time.Timer
	retrying bool // retry is armed

	scanned  int       // position of the scan in conns
	scanTime time.Time // of the last scan
	tickTime time.Time // of the last Handler.Tick
	drain    *drainPlan

	counts   counts
	outboxes outboxPool
	vector   vector
	request  handshake.Request // scratch of one handshake
	inflated []byte            // scratch of one message
	deflated []byte            // scratch of one message
}

func newLoop(s *Server, index int) *Loop {
	l := &Loop{server: s, index: index}
	l.counts.closes = make(map[uint16]uint64)
	l.retry = time.AfterFunc(time.Hour, l.stallElapsed)
	l.retry.Stop()
	return l
}

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
// forgotten, fn is called with the loop's next turn, at the latest after a tenth of
// a second. Safe from any goroutine.
func (l *Loop) Queue(fn func()) { l.mail.put(fn) }

// Wake is the second half of Post: a turn begins soon in which all that was queued
// before this call is called. It may be one system call; it is none where the loop
// has been woken already. Safe from any goroutine.
func (l *Loop) Wake() { l.wake() }

// MailWaiting returns how many posted functions wait for the loop's next turn. Who
// posts much can see here that the loop does not keep up. Safe from any goroutine.
func (l *Loop) MailWaiting() int { return l.mail.len() }

// Index returns the loop's number, from 0. Safe from any goroutine.
func (l *Loop) Index() int { return l.index }

// Now returns the time of this turn, which is read from the clock once. Only on
// the loop.
func (l *Loop) Now() time.Time { return l.now }

// moment is a point in time: milliseconds since the Server was made. It wraps
// around after 49 days, so only differences mean anything.
type moment uint32

func (m moment) since(earlier moment) time.Duration {
	return time.Duration(m-earlier) * time.Millisecond
}

// enlist makes c one of the loop's connections.
func (l *Loop) enlist(c *Conn) {
	c.slot = uint32(len(l.conns))
	l.conns = append(l.conns, c)
}

// forget takes c out again.
func (l *Loop) forget(c *Conn) {
	last := l.conns[len(l.conns)-1]
	l.conns[c.slot] = last
	last.slot = c.slot
	l.conns[len(l.conns)-1] = nil
	l.conns = l.conns[:len(l.conns)-1]
}
