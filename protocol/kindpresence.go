package protocol

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Presence is who is in a room. Without Full, Joined and Left it tells how many there are, and
// nothing of who they are.
type Presence struct {
	Room         uuid.UUID
	Online       int
	Full         bool // Users are all
	Users        []uuid.UUID
	Joined, Left []uuid.UUID // since the frame before
	Partial      bool        // other nodes cannot be heard
}

// AppendPresence appends the frame that tells members who is in the room. It goes to who asked
// for it by a frame of KindWatch.
func AppendPresence(dst []byte, p *Presence) []byte {
	dst = append(dst, `{"type":"presence","chat_room_id":`...)
	dst = appendUUID(dst, p.Room)
	dst = append(dst, `,"online":`...)
	dst = strconv.AppendInt(dst, int64(p.Online), 10)
	switch {
	case p.Full:
		dst = append(dst, `,"full":true,"users":`...)
		dst = appendUUIDs(dst, p.Users)
	case len(p.Joined)+len(p.Left) > 0:
		dst = append(dst, `,"joined":`...)
		dst = appendUUIDs(dst, p.Joined)
		dst = append(dst, `,"left":`...)
		dst = appendUUIDs(dst, p.Left)
	}
	if p.Partial {
		dst = append(dst, `,"partial":true`...)
	}
	return append(dst, '}')
}

// AppendMember appends the JSON object of one who may be in a room. lastSeen is zero where it is
// not known.
func AppendMember(dst []byte, u *User, role string, online bool, lastSeen time.Time) []byte {
	dst = append(dst, `{"user":`...)
	dst = appendSender(dst, u)
	dst = append(dst, `,"role":`...)
	dst = appendString(dst, role)
	dst = append(dst, `,"online":`...)
	dst = strconv.AppendBool(dst, online)
	dst = append(dst, `,"last_seen":`...)
	if lastSeen.IsZero() {
		return append(dst, "null}"...)
	}
	return append(appendTime(dst, lastSeen), '}')
}

// AppendMembers appends the body of a list of them, each as AppendMember made it, and how many
// are in the room. An empty next is written as null.
func AppendMembers(dst []byte, online int, members [][]byte, next string) []byte {
	dst = append(dst, `{"online":`...)
	dst = strconv.AppendInt(dst, int64(online), 10)
	dst = append(dst, `,"results":`...)
	dst = appendArray(dst, members)
	dst = append(dst, `,"next":`...)
	dst = appendStringOrNull(dst, next)
	return append(dst, '}')
}
