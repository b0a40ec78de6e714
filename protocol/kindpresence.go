package protocol

import (
	"strconv"

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
