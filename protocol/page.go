package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// AppendMessagePage appends the body of a REST page by number: messages oldest
// first, each as AppendMessage made it, and the URLs of the pages beside it. An
// empty URL is written as null. firstSeq is the number that the room begins with.
func AppendMessagePage(dst []byte, messages [][]byte, next, previous string, firstSeq int64) []byte {
	dst = append(dst, `{"results":`...)
	dst = appendArray(dst, messages)
	dst = append(dst, `,"next":`...)
	dst = appendStringOrNull(dst, next)
	dst = append(dst, `,"previous":`...)
	dst = appendStringOrNull(dst, previous)
	return append(appendFirstSeq(dst, firstSeq), '}')
}

// AppendResumePage appends the body of a REST answer to since: messages in the
// order of rev, and the number at which the client stands after them.
func AppendResumePage(dst []byte, messages [][]byte, seq int64, hasMore bool, firstSeq int64) []byte {
	dst = append(dst, `{"results":`...)
	dst = appendFirstSeq(appendArray(dst, messages), firstSeq)
	return appendStand(dst, seq, hasMore)
}

// RoomEntry is a room as the list of the caller's rooms shows it.
type RoomEntry struct {
	ID, TripID uuid.UUID
	Title      string // the trip's
	LastSeq    int64
	Last       *Message // nil: none yet
	RoomSettings

	// Of the caller.
	Role             string // empty: none
	ReadSeq          int64
	Unread, Mentions int

	Online      int // how many users are in the room, where that is known
	OnlineKnown bool
}

// AppendList appends the body of a list of objects, rooms or messages, and the URL of its
// next page. An empty one is written as null.
func AppendList(dst []byte, all [][]byte, next string) []byte {
	dst = append(dst, `{"results":`...)
	dst = appendArray(dst, all)
	dst = append(dst, `,"next":`...)
	dst = appendStringOrNull(dst, next)
	return append(dst, '}')
}

// AppendRoom appends the JSON object that a room is in the list.
func AppendRoom(dst []byte, r *RoomEntry) []byte {
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
		dst = AppendMessage(dst, r.Last)
	}
	dst = appendReading(append(dst, ','), r.ReadSeq, r.Unread, r.Mentions)
	dst = append(dst, `,"first_seq":`...)
	dst = strconv.AppendInt(dst, r.FirstSeq, 10)
	dst = append(dst, `,"role":`...)
	dst = appendString(dst, r.Role)
	if r.OnlineKnown {
		dst = append(dst, `,"online":`...)
		dst = strconv.AppendInt(dst, int64(r.Online), 10)
	}
	return append(appendSlowMode(dst, r.SlowMode), '}')
}
