package room

import (
	"context"

	"github.com/google/uuid"
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
	// CatchUp says that notices of the room may have been missed.
	CatchUp(room uuid.UUID)
}
