package rest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// Chat is what the REST fallback asks of the domain; *room.Service is one. Its
// errors are those of package room.
type Chat interface {
	// Authenticate checks an access token.
	Authenticate(ctx context.Context, bearer string) (token.Identity, error)
	// MayRead counts a read of a user's, or says how long it is until one is allowed.
	MayRead(user uuid.UUID) (wait time.Duration)
	// Access says whether a user may enter the room that place, a trip's or a
	// room's id, names; the nil id names none.
	Access(ctx context.Context, user, place uuid.UUID) (room.Access, error)
	// Do stores an event or a mark and returns when its Outcome is final. After
	// an error the outcome is open and op belongs to the service.
	Do(ctx context.Context, op *room.Op) error
	Page(ctx context.Context, q room.PageQuery) (room.Page, error)
	// Since returns what changed after a number, in the order of rev.
	Since(ctx context.Context, q room.SinceQuery) (room.Page, error)
	// Wait answers like Since as soon as there is something, or, when ctx is done,
	// with an empty page.
	Wait(ctx context.Context, in room.Info, q room.SinceQuery) (room.Page, error)
	Message(ctx context.Context, user, id uuid.UUID) (protocol.Message, error)
	Rooms(ctx context.Context, q room.RoomsQuery) (room.RoomPage, error)
	// Room returns the JSON object that one of them is, which the user may enter.
	Room(ctx context.Context, user uuid.UUID, in *room.Access) ([]byte, error)
	Pins(ctx context.Context, q room.PinsQuery) (room.Page, error)
	// Reading says how far a user has read in a room, and ReadMarks who has read how far.
	Reading(ctx context.Context, user, room uuid.UUID) (room.Reading, error)
	ReadMarks(ctx context.Context, q room.ReadMarksQuery) (room.ReadMarkPage, error)
	// Readers lists who has read up to a message, for a user.
	Readers(ctx context.Context, user uuid.UUID, q room.ReadersQuery) (room.ReaderPage, error)
	// Members lists who may be in a room, and who is.
	Members(ctx context.Context, q room.MembersQuery) (room.MemberPage, error)
	// Own returns a message with the emoji that a user has chosen for it.
	Own(ctx context.Context, user uuid.UUID, m protocol.Message) (protocol.Message, error)
	// Reactions returns what reactions a message has, and the emoji of the user's own; Reactors lists
	// who has reacted.
	Reactions(ctx context.Context, user, message uuid.UUID) (all []protocol.Reaction, own []string, err error)
	Reactors(ctx context.Context, user uuid.UUID, q room.ReactorsQuery) (room.ReactorPage, error)
	Rules() *protocol.Rules
	// Timeline is the greatest that is known.
	Timeline() room.Timeline
}
