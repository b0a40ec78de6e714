package persist

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// ClientKey is what a client_id is unique in: one sender in one room.
type ClientKey struct {
	Room     uuid.UUID
	Sender   uuid.UUID
	ClientID string
}

// Sender is who asks for something in the room of a trip.
type Sender struct{ Trip, User uuid.UUID }

// Room is a room that a store found.
type Room struct {
	Seq      int64 // last_seq
	FirstSeq int64 // messages before it count as removed
	Trip     uuid.UUID
}

// Lookup says what a store must find out before a batch can be settled.
type Lookup struct {
	Rooms       []uuid.UUID // distinct, ascending: to be locked in this order, before anything else is read
	MarksOnly   bool        // all ops only mark: no room needs to be locked, and there are no quotas
	Senders     []Sender    // distinct: those who ask, and those whom they mention
	Keys        []ClientKey // may repeat
	KeysAreNew  bool        // no message has any of Keys, or none will be stored: a store that cannot be wrong sets it, and finds none
	Messages    []uuid.UUID // messages that are needed whole; may repeat
	Originals   []uuid.UUID // messages replied to; may repeat
	Attachments []uuid.UUID // uploads that new messages take: to be locked; distinct, ascending
	Pins        []uuid.UUID // rooms whose pinned messages are to be counted; distinct
	Reactors    []Reactor   // whose reactions to a message are needed; may repeat
	Counted     []uuid.UUID // messages whose reactions and answers are to be counted; distinct
	Named       int         // reactions of a message that are needed row by row; of more than that only the counts
	Replies     int         // answers that are counted
	Quotas      Quotas      // what rooms and senders have used is needed, too; the store sets them

	chosen []chosen
}

// NewLookup returns what must be found out for the batch.
func NewLookup(batch []*room.Op) *Lookup {
	l := &Lookup{
		Rooms:   make([]uuid.UUID, 0, len(batch)),
		Senders: make([]Sender, 0, len(batch)),

		MarksOnly: true,
	}
	for _, op := range batch {
		l.Rooms = append(l.Rooms, op.Room)
		rule := ruleOf(op)
		l.MarksOnly = l.MarksOnly && rule.marks
		if !rule.unasked {
			l.Senders = append(l.Senders, senderOf(op))
		}
		if ask := rule.ask; ask != nil {
			ask(l, op)
		}
	}
	l.Rooms, l.Pins = distinct(l.Rooms, compareIDs), distinct(l.Pins, compareIDs)
	l.Attachments = distinct(l.Attachments, compareIDs)
	l.Counted = distinct(l.Counted, compareIDs)
	l.Named += protocol.ReactionsNamedMax
	l.Replies = protocol.RepliesMax + len(batch)
	l.Senders = distinct(l.Senders, func(a, b Sender) int {
		return cmp.Or(compareIDs(a.Trip, b.Trip), compareIDs(a.User, b.User))
	})
	return l
}

// Found is what a store found, read after the rooms were locked, so that it
// stays true until the transaction ends.
type Found struct {
	Rooms       map[uuid.UUID]Room                  // those that exist
	Senders     map[Sender]struct{}                 // those who exist and are collaborators of the trip
	Known       map[ClientKey]*protocol.Message     // messages that carry one of Lookup.Keys
	Messages    map[uuid.UUID]*protocol.Message     // those of Lookup.Messages that exist, in any room
	Pins        map[uuid.UUID]int                   // of the rooms of Lookup.Pins, where there are some: protocol.PinsMax means as many or more
	Originals   map[uuid.UUID]Original              // those of Lookup.Originals that exist, in any room
	Attachments map[uuid.UUID]room.StoredAttachment // those of Lookup.Attachments that exist
	Reactions   map[Reactor][]Reaction              // of those of Lookup.Reactors who have some
	Counted     map[uuid.UUID]*Counted              // all of Lookup.Counted, and of Lookup.Unlisted
	Usage       map[uuid.UUID]Usage                 // of rooms, where that has a quota: see Use
	Sent        map[uuid.UUID]Sent                  // of users, where that has a quota
	counted     []uuid.UUID                         // rooms of which Usage is not what is stored
}

// NewFound returns a Found with room for the answers to l.
func NewFound(l *Lookup) *Found {
	found := &Found{
		Rooms:     make(map[uuid.UUID]Room, len(l.Rooms)),
		Senders:   make(map[Sender]struct{}, len(l.Senders)),
		Known:     make(map[ClientKey]*protocol.Message),
		Messages:  make(map[uuid.UUID]*protocol.Message),
		Originals: make(map[uuid.UUID]Original),
		Pins:      make(map[uuid.UUID]int),
		Reactions: make(map[Reactor][]Reaction),
		Counted:   make(map[uuid.UUID]*Counted),
	}
	if l.Quotas.On() {
		found.Usage, found.Sent = make(map[uuid.UUID]Usage), make(map[uuid.UUID]Sent)
	}
	return found
}

// Original is a message that another one replies to, as far as that needs it.
type Original struct {
	Room  uuid.UUID
	Seq   int64
	Reply protocol.Reply
}

// AddAttachment notes an upload that was asked for.
func (f *Found) AddAttachment(a room.StoredAttachment) {
	if f.Attachments == nil {
		f.Attachments = make(map[uuid.UUID]room.StoredAttachment)
	}
	f.Attachments[a.ID] = a
}

func keyOf(op *room.Op) ClientKey {
	return ClientKey{Room: op.Room, Sender: op.Sender.ID, ClientID: op.ClientID}
}

func senderOf(op *room.Op) Sender { return Sender{Trip: op.Trip, User: op.Sender.ID} }

func distinct[T comparable](all []T, compare func(a, b T) int) []T {
	slices.SortFunc(all, compare)
	return slices.Compact(all)
}
