package protocol

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MessageType says what a message is. An adopted database may hold others than
// those below, the old service's "system" for one, which are passed on as they are.
type MessageType string

// The message types that clients may send.
const (
	TypeText MessageType = "text"
	TypeFile MessageType = "file"
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
	Deleted     bool // nothing is left of what it said
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
	Extra     *Extra    // what most do not have; nil: nothing
}

// AppendMessage appends the JSON object that clients know a message as.
func AppendMessage(dst []byte, m *Message) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendUUID(dst, m.ID)
	dst = append(dst, `,"chat_room_id":`...)
	dst = appendUUID(dst, m.RoomID)
	dst = append(dst, `,"sender":`...)
	dst = appendSender(dst, &m.Sender)
	dst, links := m.appendContent(dst)
	dst = append(dst, `,"message_type":`...)
	dst = appendString(dst, string(m.Type))
	dst = append(dst, `,"reply_to":`...)
	dst = appendReply(dst, m.ReplyTo)
	dst = append(dst, `,"is_edited":`...)
	dst = strconv.AppendBool(dst, m.IsEdited)
	dst = append(dst, `,"created_at":`...)
	created := len(dst)
	dst = appendTime(dst, m.CreatedAt)
	end := len(dst)
	dst = append(dst, `,"updated_at":`...)
	if m.UpdatedAt.Equal(m.CreatedAt) { // of most messages: a time costs more than all else here
		dst = append(dst, dst[created:end]...)
	} else {
		dst = appendTime(dst, m.UpdatedAt)
	}
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, m.Seq, 10)
	dst = append(dst, `,"rev":`...)
	dst = strconv.AppendInt(dst, m.Rev, 10)
	if m.ClientID != "" {
		dst = append(dst, `,"client_id":`...)
		dst = appendString(dst, m.ClientID)
	}
	if m.Extra != nil {
		dst = m.Extra.appendExtra(dst, links)
	}
	return append(dst, '}')
}

func appendSender(dst []byte, u *User) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendUUID(dst, u.ID)
	dst = append(dst, `,"email":`...)
	dst = appendString(dst, u.Email)
	dst = append(dst, `,"username":`...)
	dst = appendString(dst, u.Username)
	dst = append(dst, `,"full_name":`...)
	dst = appendString(dst, u.FullName())
	return append(dst, '}')
}

// quoteBegins is how a message says which one it answers. Text cannot say it: there quotes
// are escaped. Data can, but comes later.
const quoteBegins = `,"reply_to":`

// Quoted returns the id of the message that one answers, given as AppendMessage made
// it; zero where it answers none.
func Quoted(message []byte) uuid.UUID {
	_, quote, _ := bytes.Cut(message, []byte(quoteBegins))
	id, found := bytes.CutPrefix(quote, []byte(`{"id":"`))
	if !found || len(id) < idHyphenated {
		return uuid.Nil
	}
	quoted, _ := ParseID(id[:idHyphenated])
	return quoted
}

func appendReply(dst []byte, r *Reply) []byte {
	if r == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, `{"id":`...)
	dst = appendUUID(dst, r.ID)
	dst = append(dst, `,"content":`...)
	dst = appendString(dst, r.Content)
	dst = append(dst, `,"sender_email":`...)
	dst = appendString(dst, r.SenderEmail)
	return append(dst, '}')
}
