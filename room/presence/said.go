package presence

import "github.com/google/uuid"

// SaidKind is what a node says. The values are sent to other nodes: none may ever change.
type SaidKind uint8

// The kinds.
const (
	Ask     SaidKind = 1 // it wants to know who is there
	Whole   SaidKind = 2 // who is there on it
	Change  SaidKind = 3 // who has joined and left since the number before
	Still   SaidKind = 4 // nothing has changed since that number
	Counted SaidKind = 5 // how many are there, who are too many to be named
	Leaving SaidKind = 6 // it ends: its users come to other nodes, or not at all
)

// Said is what a node says of a room. It never changes.
type Said struct {
	Node    uuid.UUID // who says it, where it was heard
	Room    uuid.UUID
	Kind    SaidKind
	Version uint64      // its number; of Change the one after the number that it comes after
	Count   int         // of Counted
	Joined  []uuid.UUID // of Whole all users
	Left    []uuid.UUID
}

// Others are the other nodes. The methods do not block.
type Others interface {
	// Follow asks for what is said of a room, until Unfollow.
	Follow(room uuid.UUID)
	Unfollow(room uuid.UUID)
	// PublishPresence says something to the nodes that follow a room. False: it was dropped.
	PublishPresence(s *Said) bool
	// PublishWatched tells all nodes of rooms that this one wants to know of, those too that
	// do not follow them yet. False: some were dropped.
	PublishWatched(rooms []uuid.UUID) bool
	// Lives reports whether a node's lease has not ended, where it concerns the room.
	Lives(node, room uuid.UUID) bool
	// Healthy reports whether what others say can be expected to arrive.
	Healthy() bool
}
