package room

import "github.com/google/uuid"

// Moment is a place in the order of a store's commits, in the store's own words. Empty: none.
type Moment string

// numberLess is what Numbers has in place of a number that became smaller, or that is gone.
const numberLess = -1

// Numbers say which rooms' numbers were written since a Moment.
type Numbers struct {
	// Until is the Moment up to which the answer goes: what was committed later is told by a
	// question since then. Empty: the store has none.
	Until Moment
	// All says that the store cannot tell: any room's may have been.
	All bool
	// Of has the greatest number of each room, or -1 where one became smaller, or the room went.
	Of map[uuid.UUID]int64
}

// NewNumbers returns what was written, in any order.
func NewNumbers(until Moment, rooms []uuid.UUID, seqs []int64) Numbers {
	n := Numbers{Until: until, Of: make(map[uuid.UUID]int64, len(rooms))}
	for i, id := range rooms {
		before, known := n.Of[id]
		switch {
		case seqs[i] < 0 || known && before < 0:
			n.Of[id] = numberLess
		default:
			n.Of[id] = max(before, seqs[i])
		}
	}
	return n
}

// concern reports whether a room of which all was told up to a number has to be compared with
// the store.
func (n *Numbers) concern(room uuid.UUID, told int64) bool {
	seq, written := n.Of[room]
	return n.All || written && (seq < 0 || seq > told)
}
