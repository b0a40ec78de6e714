package room

import (
	"context"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/presence"
)

// Backplane carries notices between nodes. It carries no truth: whatever it
// loses or repeats is put right from the Store. Its methods are safe for concurrent use and, but
// for AskPrimary, never block; what it cannot send it drops and counts.
type Backplane interface {
	// Follow asks for the notices of a room, until Unfollow. When the notices have
	// begun to arrive, and again after each time they may have been interrupted,
	// the backplane calls Inbound.CatchUp for the room.
	Follow(room uuid.UUID)
	Unfollow(room uuid.UUID)
	// Publish tells the other nodes what was committed here.
	Publish(b *Batch)
	// PublishNotice tells the other nodes a notice.
	PublishNotice(n *Notice)
	// PublishPresence tells the nodes that follow a room who is there on this one, or that it
	// wants to know who is there on them. False: it was dropped.
	PublishPresence(s *presence.Said) bool
	// PublishWatched tells all nodes of rooms of which this one wants to know who is there. False:
	// some were dropped.
	PublishWatched(rooms []uuid.UUID) bool
	// Lives says whether another node was heard within its lease, on the way by which a room's
	// notices come.
	Lives(node, room uuid.UUID) bool
	// Healthy says whether notices can be expected to arrive at present. While it
	// is false the service looks into the Store more often.
	Healthy() bool
	// AskPrimary has the node hear which timeline of the database the others know, or
	// says why that cannot be known now.
	AskPrimary(ctx context.Context) error
}

// Inbound is how a Backplane hands in what other nodes told. Service implements
// it; the methods do not block and are safe for concurrent use.
type Inbound interface {
	// Announce hands in a batch that another node committed.
	Announce(b *Batch)
	// AnnounceNotice hands in another node's notice.
	AnnounceNotice(n *Notice)
	// AnnouncePresence hands in what another node says of who is where, and AnnounceWatched of
	// which rooms it wants to know it.
	AnnouncePresence(s *presence.Said)
	AnnounceWatched(rooms []uuid.UUID)
	// Met says that a node is heard that was not heard within its lease.
	Met()
	// CatchUp says that notices of the room may have been missed.
	CatchUp(room uuid.UUID)
}
