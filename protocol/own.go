package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// Own is what concerns one user in a room and no other member. Clients of version 1 are not
// told.
type Own struct {
	Room    uuid.UUID
	Role    string // empty: none
	May     Permissions
	ReadSeq int64 // how far the user has read

	// Of messages of the history whose reactions do not say who they are from, the emoji that the
	// user has chosen. Unread: they could not be read, and are not told.
	Reactions       map[uuid.UUID][]string
	ReactionsUnread bool
}

// AppendOwn appends the frame that follows each history.
func AppendOwn(dst []byte, o *Own) []byte {
	dst = append(dst, `{"type":"own","v":`...)
	dst = strconv.AppendInt(dst, VersionMax, 10)
	dst = append(dst, `,"chat_room_id":`...)
	dst = appendUUID(dst, o.Room)
	dst = append(dst, `,"role":`...)
	dst = appendString(dst, o.Role)
	dst = append(dst, `,"permissions":`...)
	dst = appendPermissions(dst, o.May)
	dst = append(dst, `,"read_seq":`...)
	dst = strconv.AppendInt(dst, o.ReadSeq, 10)
	dst = append(dst, `,"muted_until":null`...) // nobody can be muted yet
	if o.ReactionsUnread {
		return append(dst, '}')
	}
	dst = append(dst, `,"reactions":{`...)
	first := true
	for message, emoji := range o.Reactions {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendUUID(dst, message), ':')
		dst = appendStrings(dst, emoji)
	}
	return append(dst, "}}"...)
}

// AppendOwnRole appends the frame that tells a changed role, and what it permits.
func AppendOwnRole(dst []byte, room uuid.UUID, role string, may Permissions) []byte {
	dst = append(dst, `{"type":"own","chat_room_id":`...)
	dst = appendUUID(dst, room)
	dst = append(dst, `,"role":`...)
	dst = appendString(dst, role)
	dst = append(dst, `,"permissions":`...)
	dst = appendPermissions(dst, may)
	return append(dst, '}')
}

// AppendOwnRead appends the frame that tells a user's other connections how far the user has read.
func AppendOwnRead(dst []byte, room uuid.UUID, seq int64) []byte {
	dst = append(dst, `{"type":"own","chat_room_id":`...)
	dst = appendUUID(dst, room)
	dst = append(dst, `,"read_seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	return append(dst, '}')
}

func appendStrings(dst []byte, all []string) []byte {
	dst = append(dst, '[')
	for i, one := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, one)
	}
	return append(dst, ']')
}
