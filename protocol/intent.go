package protocol

import "github.com/google/uuid"

// Intent is what a member asks for, checked as far as that is possible without the
// room. Beside ClientID only what the kind reads is set.
type Intent struct {
	Kind      Kind
	On        bool        // what is asked for is on and not off: the user types, the message is pinned, the reaction is set
	Presence  bool        // the client is to be told who is here
	Reads     bool        // the client is to be told who has read how far
	MessageID uuid.UUID   // the message that it is about. KindMessage: the new message's; zero: not chosen yet
	Content   string      // trimmed, storable; empty: of a file's caption alone
	Type      MessageType // TypeText or TypeFile
	ReplyTo   uuid.UUID   // zero: not a reply
	Extra     *Extra      // whom a new message mentions, its attachments and data; nil: nothing
	Emoji     string      // as it is shown
	UpTo      int64       // the room's number up to which it goes, 0 or more
	ClientID  string      // the sender's own name for it; empty: none
}
