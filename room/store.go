package room

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Store keeps rooms and messages durably. Its methods are safe for concurrent
// use, honour the context's deadline, and report trouble with errors that wrap
// ErrNotStored, ErrOutcomeUnknown, ErrUnreadable or ErrStoreDown where those apply.
//
// A row that cannot be read is shown with what can be read of it, and logged, where
// one room or user alone is asked about. Otherwise the call may fail with
// ErrUnreadable: asked in parts, the others have an answer.
type Store interface {
	// Append commits a batch of ops in one transaction: it locks
	// the rows of the rooms in id order, settles what client_id says is known,
	// gives the other events the next numbers of their room in the order of the batch,
	// writes, and commits. It returns nil when every op has an Outcome. One op
	// that cannot be stored is Refused alone; the rest of the batch is stored.
	//
	// An error that wraps ErrNotStored means that nothing of the batch is stored
	// or ever will be, so that the batch may be appended again. One that wraps
	// ErrOutcomeUnknown means that the commit was cut and that its outcome could
	// not be looked up in time.
	Append(ctx context.Context, batch []*Op, within Within) error

	// Access answers many questions "may this user enter that room?" in one look,
	// and makes the room of a trip on first use. Answers stand in the order of
	// the questions.
	Access(ctx context.Context, questions []AccessQuestion) ([]Access, error)

	// Latest returns for each room its last messages by seq, oldest first, up to the
	// limit, with the room's number at that same moment, in one look. Pages stand in
	// the order of the rooms. HasMore says that older messages exist.
	Latest(ctx context.Context, rooms []uuid.UUID, limit Limit) ([]Page, error)

	// Walk returns a stretch of a room's log: numbers, each once, in order.
	Walk(ctx context.Context, q WalkQuery) (Walk, error)

	// Walks answers several queries of Walk, all of them Bulk or none, in one look, each as Walk
	// would. Answers stand in the order of the queries.
	Walks(ctx context.Context, queries []WalkQuery) ([]Walk, error)

	// Before and After page through a room by seq, exclusive of the number given,
	// up to the limit, oldest first. HasMore says that more lie beyond the page in
	// the direction of travel.
	Before(ctx context.Context, room uuid.UUID, seq int64, limit Limit) (Page, error)
	After(ctx context.Context, room uuid.UUID, seq int64, limit Limit) (Page, error)

	// RepliesBefore and RepliesAfter page in the same way through the messages of a room
	// that answer one of them.
	RepliesBefore(ctx context.Context, room, to uuid.UUID, seq int64, limit Limit) (Page, error)
	RepliesAfter(ctx context.Context, room, to uuid.UUID, seq int64, limit Limit) (Page, error)

	// Pins pages through the pinned messages of a room, the latest pin first, beginning
	// behind the cursor given (zero: from the latest), up to the limit.
	Pins(ctx context.Context, room uuid.UUID, after PinCursor, limit Limit) (Page, error)

	// Message returns one message. ErrNoMessage if there is none with that id.
	Message(ctx context.Context, id uuid.UUID) (protocol.Message, error)

	// Rooms lists the rooms of the trips that the user collaborates in, making
	// missing ones, ordered by room id, beginning after the id given (zero: from
	// the first), up to the limit, each with its last message.
	Rooms(ctx context.Context, user uuid.UUID, after uuid.UUID, limit Limit) (RoomPage, error)

	// Reading returns how far a user has read in a room, and what is unread after it: zero
	// where there is no such room.
	Reading(ctx context.Context, room, user uuid.UUID) (Reading, error)

	// ReadMarks lists who has read how far in a room, by the users' ids, beginning after
	// the id given (zero: from the first), at most limit.
	ReadMarks(ctx context.Context, room, after uuid.UUID, limit int) (ReadMarkPage, error)

	// MarksOfFew returns how far the collaborators of a room's trip have read, those who have
	// a mark, by their ids and without the times. few is false where there are more than most
	// collaborators: then there are no marks.
	MarksOfFew(ctx context.Context, room uuid.UUID, most int) (marks []protocol.ReadMark, few bool, err error)

	// Readers lists who has read up to a message, or further.
	Readers(ctx context.Context, q ReadersQuery) (ReaderPage, error)

	// Members lists the collaborators of a room's trip, by their ids, with when they were seen
	// last. None where there is no such room.
	Members(ctx context.Context, q MembersQuery) (MemberPage, error)

	// NoteSeen stores when users were seen last, unless they were seen later. They come in the
	// order of their ids.
	NoteSeen(ctx context.Context, seen []Seen) error

	// OwnReactions answers which emoji users have chosen for messages, in the order of the
	// questions, in one look.
	OwnReactions(ctx context.Context, questions []OwnQuestion) ([]OwnReactions, error)

	// MyReactions is OwnReactions for what one user asks to read.
	MyReactions(ctx context.Context, q OwnQuestion) (OwnReactions, error)

	// Reactions returns what reactions a message has, counted anew.
	Reactions(ctx context.Context, message uuid.UUID) ([]protocol.Reaction, error)

	// Reactors lists who has reacted to a message.
	Reactors(ctx context.Context, q ReactorsQuery) (ReactorPage, error)

	// DueSummaries returns messages whose summary has been due for so long, the longest due
	// first, at most limit. Where there are none it makes some due of messages that were
	// answered before answers were counted, and returns those, until there are no more.
	DueSummaries(ctx context.Context, age time.Duration, limit int) ([]DueSummary, error)

	// Head returns a room's present number as the server has it that takes writes: a
	// copy, which may lag, fails. False where there is no such room.
	Head(ctx context.Context, room uuid.UUID) (seq int64, exists bool, err error)

	// Heads returns where the log of each room ends, zero for one that does not
	// exist, in the order of the rooms.
	Heads(ctx context.Context, rooms []uuid.UUID) ([]Head, error)

	// NumbersSince returns which rooms' numbers were written by what was committed since a
	// Moment. An earlier call has returned that. It says so where it cannot tell: without a
	// Moment it never can.
	NumbersSince(ctx context.Context, since Moment) (Numbers, error)

	// RightsSince returns whose rights may have changed by what was committed since a Moment, which
	// an earlier call has returned. It says so where it cannot tell: without a Moment it never can.
	RightsSince(ctx context.Context, since Moment) (Rights, error)

	// Settled returns nil when all that could be read when it was called is as safe
	// as what Append has stored: on the standbys, too, where commits wait for some.
	Settled(ctx context.Context) error

	// TryWrite returns nil when a write in the room was committed as Append's are. It
	// changes nothing.
	TryWrite(ctx context.Context, room uuid.UUID) error

	// Timeline returns the greatest timeline that is known. What a call answers that
	// begins after it is of that one, or of a greater.
	Timeline() Timeline

	// Beyond returns a channel that is closed once a timeline greater than t is known. It
	// does not block, and is nil where there are no timelines.
	Beyond(t Timeline) <-chan struct{}

	// Heard says that another node has met a timeline. While no server is found that is on
	// it, or on a greater, calls fail with ErrSuperseded. It does not block.
	Heard(t Timeline)

	// Ping reports whether the store can be reached.
	Ping(ctx context.Context) error

	// Close frees what the store holds. No method may be called after it.
	Close() error
}

// Within says how long an Append may take. Zero means no limit but that of the context
// and of the store itself.
type Within struct {
	Commit  time.Duration // until the commit is on its way; otherwise the transaction is given up
	Outcome time.Duration // to look for the outcome of a commit that was cut
}

// OutcomeWait is how long Append may look for the outcome of a commit that was
// cut. It is part of the wire contract.
const OutcomeWait = 15 * time.Second

// Errors of a Store, to be tested with errors.Is.
var (
	ErrNotStored      = errors.New("nothing was stored")
	ErrOutcomeUnknown = errors.New("the outcome of the commit is unknown")
	ErrStoreDown      = errors.New("the database cannot be reached")
	ErrUnreadable     = errors.New("a row cannot be read")
	ErrNoMessage      = errors.New("no such message")
)

// Outcome says what became of an Op.
type Outcome uint8

// The outcomes of an Op.
const (
	Pending   Outcome = iota
	Stored            // committed: an event, or a mark. Of an event Message is set
	Duplicate         // client_id was known: nothing new was stored; Message is the known one
	Refused           // not stored and never will be; Err says why
)

// Op is one durable thing that a member asks for. The first block is fixed by
// who submits it; the second belongs to whoever carries the op (the lane, the
// Store within Append) until Answer is called, and is not changed after.
type Op struct {
	protocol.Intent // of the class Event or Mark
	Room            uuid.UUID
	Trip            uuid.UUID // whose room it is
	Sender          protocol.User
	May             protocol.Permissions // what the sender may do in the room
	Row             uuid.UUID            // the id of the event's row; of a new message its own id; a mark has none
	At              time.Time            // becomes created_at or updated_at: UTC, whole microseconds
	Answer          func(*Op)            // called once, when Outcome is final; must not block. May be nil
	Trace           *protocol.Trace      // the span within which it is asked for; nil: nobody has said
	Via             any                  // by which of the user's connections it came; nil: none, or another node's

	Outcome  Outcome
	Seq      int64             // after Stored: the event's number; zero: it took none
	Message  *protocol.Message // after Stored or Duplicate: the message it is about; nil: none. Immutable
	Timeline Timeline          // after Stored or Duplicate: of the primary that has it
	Raised   int64             // after Stored, of a mark: what it grew to; zero: it was as great before, or another op of the batch raised it
	Err      *protocol.Error   // after Refused

	told     int64     // what had been told in the room before its transaction began
	accepted time.Time // when its lane took it, by the monotonic clock
	traced   *traced   // nil: it is not recorded
	inner    bool      // Trace is a span of this process
}

// bytes is about how much memory the op holds beside its own.
func (op *Op) bytes() int {
	m := protocol.Message{Content: op.Content, Extra: op.Extra}
	return m.Bytes()
}

// AccessQuestion asks whether a user may enter a room. Rooms go before trips
// because Caravan makes their ids: whoever can choose a trip's id must not get
// another trip's messages by choosing that of its room.
type AccessQuestion struct {
	User     uuid.UUID
	Place    uuid.UUID // a trip's id, or, unless TripOnly, a room's id, which goes before
	TripOnly bool
}

// Access answers an AccessQuestion.
type Access struct {
	UserKnown bool                 // the user is in users, and is active
	Inactive  bool                 // the user is in users, and is not
	User      protocol.User        // where UserKnown
	Allowed   bool                 // the user is a collaborator of the place's trip
	Role      string               // where Allowed: theirs in the trip; empty: none that can be read
	ReadSeq   int64                // where Allowed: how far they have read, never more than the room's number
	May       protocol.Permissions // where Allowed, of an answer of the Service
	Room      Info                 // where Allowed
}

// Info describes a room.
type Info struct {
	ID     uuid.UUID
	TripID uuid.UUID
	Title  string
	Seq    int64 // the room's present number
	protocol.RoomSettings
	// Timeline was known before this was read, of an answer of the Service. See Service.Superseded.
	Timeline Timeline
}

// Told is what a history says of the room.
func (i *Info) Told() protocol.RoomInfo {
	return protocol.RoomInfo{Room: i.ID, Trip: i.TripID, RoomSettings: i.RoomSettings}
}

// Limit bounds what a Store reads: so many messages, rooms or numbers, and so many
// bytes of content, zero: any. A message that is larger comes alone.
type Limit struct{ Messages, Bytes int }

// Page is a stretch of a room's messages, and the number at which it was read.
type Page struct {
	Messages []protocol.Message
	Bodies   [][]byte // of an answer of the Service: the messages as clients get them
	Seq      int64    // the room's number at the moment of the read
	Stand    int64    // of an answer to a SinceQuery: where a client stands that has got it
	HasMore  bool
	Rewound  bool // of an answer to a SinceQuery: the store went back behind what the client has, which must begin anew

	Timeline Timeline // of an answer of the Service: that was known before it was read

	rows int    // of an answer to a SinceQuery: how many were read
	last cursor // up to which place the room is shown by it
}

// end is the cursor of a page that was read up to the room's number.
func (p *Page) end() cursor {
	c := cursor{seq: p.Seq}
	for i := range p.Messages {
		if m := &p.Messages[i]; m.Rev == p.Seq {
			c.message = m.ID
			if m.Seq == p.Seq {
				c.row = m.ID
			}
		}
	}
	return c
}

// RoomPage is a stretch of the list of a user's rooms.
type RoomPage struct {
	Rooms   []Summary
	Bodies  [][]byte // of an answer of the Service: the rooms as clients get them
	HasMore bool     // after the last
}

// Reading is how far a user has read in a room.
type Reading struct {
	Seq      int64 // never more than the room's number
	Unread   int   // messages of others after it that are not deleted, as far as they are counted (protocol.UnreadMax)
	Mentions int   // those of them that mention the user, or everybody (protocol.MentionsCountedMax)
	Looked   int   // as many messages were looked at to count them, at most
}

// ReadMarkPage is a stretch of a room's marks.
type ReadMarkPage struct {
	Marks   []protocol.ReadMark
	HasMore bool // after the last
}

// ReadersQuery asks for a page of those who have read up to a message of a room, by their ids.
type ReadersQuery struct {
	Room, Sender uuid.UUID // Sender: of the message, who is not listed
	Seq          int64     // of the message
	After        uuid.UUID // exclusive; zero: from the first
	Limit        int
}

// ReaderPage is a stretch of the list.
type ReaderPage struct {
	Count   int // of all who are in the list
	Users   []protocol.User
	HasMore bool // after the last
}

// DueSummary is a message whose summary is due: reactions or answers came, or went, since it was
// made.
type DueSummary struct{ Message, Room uuid.UUID }

// Summary is a room as the list of rooms shows it.
type Summary struct {
	Info
	Last    *protocol.Message // by seq; nil: none yet
	Reading Reading           // of the user who asks
	Role    string            // theirs in the trip; empty: none that can be read

	// Of an answer of the Service: how many users are in the room now, where that is known.
	Online      int
	OnlineKnown bool
}
