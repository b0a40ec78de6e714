package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// Kind names what may happen in a room, or what a client may ask for. It is the
// same from the client's frame to the database and to other nodes: the values of
// events are stored and sent, so none may ever change or be used again.
type Kind uint8

// The kinds. Each has a row in the table below and a file of its own.
const (
	KindMessage Kind = 1  // a new message
	KindEdit    Kind = 2  // the content of a message changed
	KindTyping  Kind = 3  // a user types, or stopped
	KindPing    Kind = 4  // a client asks for an answer
	KindRead    Kind = 5  // a user has read up to a number
	KindDelete  Kind = 6  // a message was deleted
	KindPin     Kind = 8  // a message was pinned, or is pinned no more
	KindReact   Kind = 7  // a user chose an emoji for a message, or takes it away
	KindSummary Kind = 9  // what a message has of reactions and answers was counted anew
	KindWatch   Kind = 10 // a client asks to be told more, or no more

	KindSubscribe   Kind = 11 // a client wants to hear rooms
	KindUnsubscribe Kind = 12 // and no more
	KindAuth        Kind = 13 // a client has a fresh token

	KindPresence Kind = 14 // who is in a room
)

// LogVersion is the version of the log that this build knows, and so of what nodes
// tell one another of it. A build that adds a kind raises it. A node ignores what
// needs a greater one, and reads it from the database.
const LogVersion = 5

// Class says what is promised of a kind.
type Class uint8

// The classes. Every kind belongs to one of the first three, or concerns no room.
const (
	// Event is durable. It takes the room's next number, is stored before it is
	// told, and is told once, in order. Of a message the greater Rev wins.
	Event Class = iota + 1
	// Mark is durable: a value of a member. It takes no number and is no event of the room. The
	// greater value wins, or, of what is on or off, the latest.
	Mark
	// Notice is not stored and may be lost. The latest one wins.
	Notice
	// Control concerns the client's connection alone.
	Control
)

// kindRow is what is known of a kind.
type kindRow struct {
	class    Class
	since    uint8       // the first LogVersion whose nodes know the kind
	asked    string      // "type" of the frame by which a client asks for it; empty: no client can
	told     string      // "type" of the frame that tells it, as clients of version 1 know it; empty: nobody is told
	change   string      // of an Event: "change" in that frame, as a hint; empty: it has none
	patched  patched     // of an Event: what clients of version 2 are told in its place
	requotes bool        // an Event that changes what replies show of their original
	needs    Permissions // what its sender must be allowed; a kind may ask for more in its rule
}

// kinds is the one table of kinds. What an Event means for the database stands in
// persist.
var kinds = [...]kindRow{
	// One of a later release, which a node of that release has stored: a change, told
	// with the whole message.
	0: {told: "message_edited", requotes: true},

	KindMessage: {class: Event, since: 1, asked: "chat_message", told: "chat_message", needs: MaySend},
	KindEdit:    {class: Event, since: 1, asked: "edit_message", told: "message_edited", change: "content", requotes: true, needs: MayEdit},
	KindTyping:  {class: Notice, since: 1, asked: "typing", told: "typing"},
	KindPing:    {class: Control, since: 1, asked: "ping", told: "pong"},
	KindRead:    {class: Mark, since: 2, asked: "mark_read"},
	KindDelete:  {class: Event, since: 3, asked: "delete_message", told: "message_edited", change: "deleted", requotes: true}, // what it needs depends on whose message it is
	KindPin:     {class: Event, since: 3, asked: "pin_message", told: "message_edited", change: "pin", patched: patchedPin, needs: MayPin},
	KindReact:   {class: Mark, since: 3, asked: "react", needs: MayReact},
	KindWatch:   {class: Control, since: 4, asked: "watch"},
	KindSummary: {class: Event, since: 3, told: "message_edited", change: "summary", patched: patchedSummary},

	// What the fields of these ask for is no Intent: see Frame.
	KindSubscribe:   {class: Control, since: 4, asked: "subscribe", told: "left"},
	KindUnsubscribe: {class: Control, since: 4, asked: "unsubscribe"},
	KindAuth:        {class: Control, since: 4, asked: "auth", told: "token_expiring"},

	KindPresence: {class: Notice, since: 5, told: "presence"}, // to whom a frame of KindWatch asks for: see AppendPresence
}

// decode reads the fields of the kind from a client's frame. The calls are spelled
// out, and are no column of the table, because what is passed to a function value is
// allocated.
func (in *Intent) decode(f *fields, r *Rules) *Error {
	switch in.Kind {
	case KindMessage:
		return in.decodeMessage(f, r)
	case KindEdit:
		return in.decodeEdit(f, r)
	case KindTyping:
		return in.decodeTyping(f)
	case KindPing:
		return nil // has no fields
	case KindWatch:
		return in.decodeWatch(f)
	case KindRead:
		return in.decodeRead(f)
	case KindDelete:
		return in.decodeDelete(f)
	case KindPin:
		return in.decodePin(f)
	case KindReact:
		return in.decodeReact(f, r)
	}
	return ErrUnknownType
}

// AppendNotice appends the frame of a Notice: that a user of a room does what in asks for. Of
// another class nothing is appended. A kind whose frame has more than its type and who
// does it has a case.
func AppendNotice(dst []byte, room uuid.UUID, by *User, in *Intent) []byte {
	row := in.Kind.row()
	if row.class != Notice {
		return dst
	}
	dst = append(dst, `{"type":"`...)
	dst = append(dst, row.told...)
	dst = append(dst, `","chat_room_id":`...)
	dst = appendUUID(dst, room)
	dst = append(dst, `,"user_id":`...)
	dst = appendUUID(dst, by.ID)
	switch in.Kind {
	case KindTyping:
		dst = in.appendTyping(dst, by)
	}
	return append(dst, '}')
}

// row returns what is known of a kind; of one of a later release the first row.
func (k Kind) row() *kindRow {
	if int(k) < len(kinds) && kinds[k].class != 0 {
		return &kinds[k]
	}
	return &kinds[0]
}

// Class returns the kind's class; zero for an unknown kind.
func (k Kind) Class() Class { return k.row().class }

// Since returns the first LogVersion whose nodes know the kind; zero for an unknown
// kind.
func (k Kind) Since() uint8 { return k.row().since }

// Needs returns what who asks for the kind must be allowed. It is not all that some kinds
// need: their rules in persist look further.
func (k Kind) Needs() Permissions { return k.row().needs }

// String names the kind for people and in metrics: by the frame that asks for it, by what
// it changes where nobody asks for it, or by its number where it is not known.
func (k Kind) String() string {
	switch row := k.row(); {
	case row.asked != "":
		return row.asked
	case row.change != "":
		return row.change
	}
	return strconv.Itoa(int(k))
}

// EventKinds returns the kinds of events that this build knows.
func EventKinds() (all []Kind) {
	for k := range kinds {
		if kinds[k].class == Event {
			all = append(all, Kind(k))
		}
	}
	return all
}

// Requotes reports whether an Event of the kind changes what replies show of their
// original.
func (k Kind) Requotes() bool { return k.row().requotes }

// askedKind returns the kind that a client's frame of this type asks for; zero for
// an unknown one.
func askedKind(typ []byte) Kind {
	for k := range kinds {
		if asked := kinds[k].asked; asked != "" && asked == string(typ) {
			return Kind(k)
		}
	}
	return 0
}
