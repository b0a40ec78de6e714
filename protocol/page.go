package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// AppendMessagePage appends the body of a REST page by number: messages oldest
// first, each as AppendMessage made it, and the URLs of the pages beside it. An
// empty URL is written as null.
func AppendMessagePage(dst []byte, messages [][]byte, next, previous string) []byte {
	dst = append(dst, `{"results":`...)
	dst = appendArray(dst, messages)
	dst = append(dst, `,"next":`...)
	dst = appendStringOrNull(dst, next)
	dst = append(dst, `,"previous":`...)
	dst = appendStringOrNull(dst, previous)
	return append(dst, '}')
}

// AppendResumePage appends the body of a REST answer to since: messages in the
// order of rev, and the number at which the client stands after them.
func AppendResumePage(dst []byte, messages [][]byte, seq int64, hasMore bool) []byte {
	dst = append(dst, `{"results":`...)
	dst = appendArray(dst, messages)
	return appendStand(dst, seq, hasMore)
}

// RoomEntry is a room as the list of the caller's rooms shows it.
type RoomEntry struct {
	ID, TripID uuid.UUID
	Title      string // the trip's
	LastSeq    int64
	Last       []byte // the last message as AppendMessage made it; nil: none yet
}

// AppendRooms appends the body of the list of rooms. An empty next is written as
// null.
func AppendRooms(dst []byte, rooms []RoomEntry, next string) []byte {
	dst = append(dst, `{"results":[`...)
	for i := range rooms {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendRoomEntry(dst, &rooms[i])
	}
	dst = append(dst, `],"next":`...)
	dst = appendStringOrNull(dst, next)
	return append(dst, '}')
}

func appendRoomEntry(dst []byte, r *RoomEntry) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendUUID(dst, r.ID)
	dst = append(dst, `,"trip_id":`...)
	dst = appendUUID(dst, r.TripID)
	dst = append(dst, `,"title":`...)
	dst = appendString(dst, r.Title)
	dst = append(dst, `,"last_seq":`...)
	dst = strconv.AppendInt(dst, r.LastSeq, 10)
	dst = append(dst, `,"last_message":`...)
	if r.Last == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, r.Last...)
	}
	return append(dst, '}')
}
