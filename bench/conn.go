package bench

import "github.com/caravan-chat/caravan/bench/wire"

// state is where a connection stands. It only moves forward.
type state uint8

const (
	waiting    state = iota // not begun
	connecting              // TCP is connecting
	upgrading               // the request is sent, the answer awaited
	joining                 // upgraded; the history frame is awaited
	member                  // in the room
	leaving                 // the run is over: what comes is not looked at any more
	closed
)

// conn is one connection. Its worker owns it; after the workers have ended, Run
// reads the results.
type conn struct {
	// static after construction
	id     uint32 // position among all connections of the run
	index  int32  // position among those of its worker
	room   int
	user   int // of the fleet
	sender bool
	node   uint8 // which of the nodes it connects to
	slow   bool  // reads slowly, and is no part of what is expected

	// owned by the worker
	state       state
	stayed      bool  // a member until the end of the run
	gapped      bool  // something was missing once, so that a lower number may be late, not repeated
	dirty       bool  // in the worker's list of those with something to write
	wantsWrite  bool  // epoll reports when it can be written
	returning   bool  // it was a member before
	failures    uint8 // to come back, in a row
	told        int32 // messages of those that fill its room before it is measured
	fd          int
	began       int64   // when connecting began, or was meant to
	seq         int64   // the number that the connection stands at
	lastStamp   int64   // when its last message was meant to be sent
	outstanding int     // messages sent and not answered
	left        []byte  // the beginning of a frame
	fragments   []byte  // the beginning of a message that comes in several frames
	out         []byte  // not yet written
	person      *person // of the day; nil: in no day
}

// follows says how an event stands to what a connection has seen.
type follows uint8

const (
	inOrder  follows = iota
	afterGap         // events between are missing
	notAfter         // its number is not greater than that of an event seen before
)

// order compares an event with the number that the connection stands at.
func (c *conn) order(ev *wire.Event) follows {
	switch {
	case ev.Seq <= c.seq:
		return notAfter
	case ev.Prev > c.seq:
		return afterGap
	}
	return inOrder
}
