package presence

import "time"

// Limits that no flag changes.
const (
	step        = 100 * time.Millisecond // between looks at the rooms in which something has changed
	wholeStep   = time.Second            // and at all rooms
	tellEvery   = time.Second            // watchers, and other nodes, are told what has changed
	answerEvery = 200 * time.Millisecond // all of it is said to nodes that ask
	countEvery  = 5 * time.Second        // and so often, where there are too many to name
	namesAfter  = time.Minute            // since there were too many, they are named again at the soonest
	stillEvery  = 15 * time.Second       // a node says that nothing has changed
	askEvery    = time.Minute            // other nodes are asked again
	askPause    = time.Second            // between two asks about a room, whatever was missed
	askedTime   = 150 * time.Second      // how long an ask counts: two of them may be lost
	settleTime  = 600 * time.Millisecond // how long the answers to the first ask are waited for, more than answerEvery and two steps
	settleMax   = 2 * time.Second        // and so long with the time that it takes to hear the room
	countTime   = 2 * time.Second        // and how long it may take to count the members of this node
	wantedTime  = time.Minute            // how long a room is kept after the last one who wanted to know it
	leaveTime   = time.Second            // how long a farewell waits where too much is on its way

	// trustAfter is how long notices must have arrived before a node that is not heard is
	// taken for dead. It is more than the time between two heartbeats, with the time that a
	// node needs to be back.
	trustAfter = 7 * time.Second
	// partialAfter is how long they must not have arrived before it is said that other nodes
	// cannot be heard. By then their leases have ended.
	partialAfter = 14 * time.Second

	usersMax     = 10_000    // users of a room whom a node names to the others; beyond it it says how many there are
	roomsMax     = 65_536    // rooms that are known; to watch a further one is refused
	elsewhereMax = 65_536    // rooms of which it is known that other nodes want to know; others are told of when they ask
	nodesMax     = 1_000     // nodes of which a room knows something; what others say is passed over
	passBytesMax = 256 << 10 // what is said to other nodes in one look, about: the rest waits for the next
	saidBytes    = 512       // what something said counts at least: one look says no more than half of what may wait
	idBytes      = 16
)
