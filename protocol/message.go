package protocol

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// MessageType says what a message is. Clients may send TypeText and TypeFile;
// TypeSystem is the server's own. An adopted database may hold others, which
// are passed on as they are.
type MessageType string

// The message types that Caravan itself writes.
const (
	TypeText   MessageType = "text"
	TypeFile   MessageType = "file"
	TypeSystem MessageType = "system"
)

// User is a person as the application's users table describes them.
type User struct {
	ID        uuid.UUID
	Email     string
	Username  string
	FirstName string
	LastName  string
}

// FullName is first and last name with a space between, without outer spaces.
func (u *User) FullName() string {
	return strings.TrimSpace(u.FirstName + " " + u.LastName)
}

// Reply is the short form of the message that another one answers.
type Reply struct {
	ID          uuid.UUID
	Content     string // the first ReplyRunesMax code points of the original
	SenderEmail string
}

// Message is one chat message in its present state.
type Message struct {
	ID        uuid.UUID
	RoomID    uuid.UUID
	Sender    User
	Content   string
	Type      MessageType
	ReplyTo   *Reply // nil: not a reply
	IsEdited  bool
	CreatedAt time.Time // microseconds, UTC
	UpdatedAt time.Time // microseconds, UTC
	Seq       int64     // the event of the room that made the message
	Rev       int64     // the event of the room that last changed it; Seq if none did
	ClientID  string    // the sender's own name for it; empty: none
}
