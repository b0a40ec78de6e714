package netpoll

import (
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/cpu"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/frame"
	"github.com/caravan-chat/caravan/netpoll/handshake"
	"github.com/caravan-chat/caravan/netpoll/outbox"
)

// The types of this file know each other. What they can do stands in the files
// above it.

// Handler is what a program does with its connections. All calls for one
// connection come from its loop, one at a time, and must not block. A call that
// panics ends its connection with CloseInternal; the others never notice.
type Handler interface {
	// Upgrade decides about a handshake that is correct by RFC 6455. It returns
	// what Conn.Session will return, or a refusal. r is valid only during the call.
	Upgrade(r *Request) (session any, refusal *Refusal)

	// Open is called when the handshake's answer is on its way: from now on
	// messages come and can be sent. See also Conn.Cork.
	Open(c *Conn)

	// Wait is asked before what a client sends is looked at, each frame and each part of
	// one: for how long is the connection left unread first? Zero: it is not. What is not
	// read waits in the kernel, which tells the client to wait as well. The loop looks
	// each tenth of a second whether the time is over, and asks again then; with
	// UntilResume it asks when Conn.Resume is called.
	Wait(c *Conn) time.Duration

	// Message takes one whole message, also where nothing can be sent any more because of
	// Conn.Part. payload is valid only during the call and
	// may be changed by it.
	Message(c *Conn, kind Kind, payload []byte)

	// Close is called exactly once for each Open, at the end of the turn in which
	// the connection ended: Message is not called any more, and nothing can be sent.
	Close(c *Conn, why Closed)

	// Tick is called about once a second on each loop.
	Tick(l *Loop, now time.Time)
}

// Loop is one event loop: the connections that it accepted and the turn in which
// it works for them (turn.go).
type Loop struct {
	// Static after construction.
	shared   *shared
	handler  Handler
	parting  func(l *Loop, cs []*Conn) // Config.Part; nil: Conn.Part
	index    int
	runnable gnet.Runnable // the turn, as gnet runs it

	// Any goroutine.
	mail          mailbox
	engine        atomic.Pointer[gnet.EventLoop] // nil until the engine runs
	woken         atomic.Bool                    // a turn is already on its way
	tickDue       atomic.Bool
	stallDue      atomic.Bool
	flushIsDue    atomic.Bool
	board         board
	waking        sync.Mutex
	wakeForbidden bool // guarded by waking: the engine is ending

	_ cpu.CacheLinePad // the others' writes above do not disturb the loop's below

	// Owned by the loop.
	now      time.Time // of this turn
	at       moment    // the same, short
	inTurn   bool      // something happened since the last turn ended
	inStages bool      // the turn is in its second stage or a later one
	waker    *waker
	wanted   bool // the waker was signalled because a turn is wanted
	dozing   dozing
	deaf     bool // nobody is accepted until the next tick
	shut     bool // nobody is accepted any more

	descriptors       // static once the loop is bound
	spare       spare // likewise, from its first connection on

	clients map[*Conn]netip.AddrPort // of whom a proxy has said who they are

	conns       []*Conn  // all sockets of this loop, in no order
	births      []uint32 // of each of conns, how many came before it
	due         []moment // of each of conns, before when time brings nothing to it; see scan
	born        uint32   // how many came
	awaited     ages     // whose request is waited for
	leaving     ages     // that were told their end
	dirty       []*Conn  // to be written at the end of the turn
	corked      []*Conn  // whose handshake's answer waits, and some that did; see Conn.Cork
	stalled     []stall  // connections whose kernel buffer is full
	paused      []*Conn  // connections that are not read, and some that have ended; see Handler.Wait
	resumed     []*Conn  // paused, while it is gone through
	resumable   []*Conn  // postponed ones for which Resume was called in this turn
	afterWrites []func() // see AfterWrites
	ended       []ended  // of whose end the Handler is told in this turn
	toClose     []*Conn  // sockets to be closed at the end of the turn
	retry       *time.Timer
	retrying    bool // retry is armed

	tickTimer *time.Timer
	tickAt    time.Time // when it is due

	flushed    flushed
	flushTimer *time.Timer
	gathering  bool // flushTimer is armed

	scanned    int        // position of the scan in conns
	unscanned  int        // connections that the last scan has left to the next one
	scanTime   time.Time  // of the last scan
	tickSecond moment     // in which Handler.Tick was called last
	drain      *drainPlan // nil: there is no drain
	toPart     []*Conn    // whose time in the drain is to come, in that order

	counts       counts
	requestBytes int // of requests that are not whole
	outboxes     outbox.Pool
	writer       outbox.Writer
	request      handshake.Request // scratch of one handshake
	asked        Request           // the same, as the Handler gets it
	accept       []byte            // scratch of its answer
	head         []byte            // what came of the request that is being judged; nil: none is
	controls     int               // control frames in the bytes that are being read
	received     int               // bytes of the message that the Handler has, before inflation and with its frames' headers
	inflated     []byte            // scratch of one message
	deflated     []byte            // scratch of one message
}

// Conn is one client. All methods belong to the connection's loop. The order of
// the fields leaves no gaps: there may be millions.
type Conn struct {
	// Static after construction, until the socket is closed: then raw is nil and
	// fd is -1, because the kernel gives the number to somebody else.
	raw  gnet.Conn
	loop *Loop
	fd   int32

	// Static from the handshake on, but for the two states, which move.go changes.
	deflate deflate.Params
	state   connState
	flow    flowState
	session any

	// Owned by the loop. What is a pointer here is nil for an idle connection.
	position uint32 // index in loop.conns
	heard    moment // when bytes came last; from the end on see discard
	mark     moment // by state: of the accept, of the last ping, of the beginning of the end
	member   uint32 // index in topic.members
	topic    *Topic // the first topic
	more     *[]membership
	outbox   *outbox.Outbox
	pongs    *pongs
	unread   *unread
	reader   frame.Reader
}

// Topic is a set of connections of ONE loop, which get the same messages. The
// zero value is an empty Topic. It belongs to the loop: no other goroutine may
// touch it. A connection leaves its topics by itself after Handler.Close.
type Topic struct {
	members []*Conn // in no order
}

// membership says that members[index] of the topic is the connection. The first one
// lies in the Conn itself, because most connections have one topic.
type membership struct {
	topic *Topic
	index uint32
}

// dozing is how a loop dozes (doze.go). It belongs to its loop.
type dozing struct {
	file  *os.File           // an epoll instance, which is ready once after each arm, when the loop's is; nil: the loop never dozes
	conn  syscall.RawConn    // of file
	fd    int                // likewise: to ask the file for it would have it block
	ready func(uintptr) bool // made once
	on    bool               // the loop dozes when it has nothing to do
	asked bool               // the waker was signalled for that
	looks int                // how often ready was called
	short int                // in a row
	count uint64             // how often the loop has dozed
}

// stall is a connection whose kernel buffer is full.
type stall struct {
	c       *Conn
	since   moment // when the client was last seen to take something
	looked  moment // when that was last looked for
	unsent  int    // bytes in the kernel's buffer then
	inGnets int    // and in gnet's
}

// flushed is the last flush that was timed.
type flushed struct {
	ended time.Time
	took  time.Duration
	some  [3]*Conn // of those that were written
}

// ages are the connections of a loop in some states, in the order in which they came
// there. Those that went on are passed over, and thrown out when they are many.
type ages struct {
	conns []*Conn
	live  int // of conns, those that are in the states
}

// ended is a call of Handler.Close that is due.
type ended struct {
	c   *Conn
	why Closed
}

// Index returns the loop's number, from 0. Safe from any goroutine.
func (l *Loop) Index() int { return l.index }

// Now returns the time of this turn, which is read from the clock once. Only on
// the loop.
func (l *Loop) Now() time.Time { return l.now }

// AfterWrites has fn called at the end of this turn, when what was sent in it is written, as far
// as the kernel took it. Only on the loop.
func (l *Loop) AfterWrites(fn func()) { l.afterWrites = append(l.afterWrites, fn) }

// add makes c one of the loop's connections.
func (l *Loop) add(c *Conn) {
	c.position = uint32(len(l.conns))
	l.conns = append(l.conns, c)
	l.births = append(l.births, l.born)
	l.due = append(l.due, l.at)
	l.born++
}

// remove takes c out again.
func (l *Loop) remove(c *Conn) {
	n := len(l.conns) - 1
	last := l.conns[n]
	l.conns[c.position], l.births[c.position], l.due[c.position] = last, l.births[n], l.due[n]
	last.position = c.position
	delete(l.clients, c)
	l.conns[n] = nil
	l.conns, l.births, l.due = l.conns[:n], l.births[:n], l.due[:n]
}

// isDue has c looked at in the next scan: something else may be due sooner now.
func (l *Loop) isDue(c *Conn) {
	if i := int(c.position); i < len(l.conns) && l.conns[i] == c {
		l.due[i] = l.at
	}
}
