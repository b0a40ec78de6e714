package protocol

import (
	"slices"
	"strconv"

	"github.com/google/uuid"
)

// RoomInfo is what a history says of its room.
type RoomInfo struct {
	Room, Trip uuid.UUID
	RoomSettings
}

// AppendHistory appends the first frame of a session that did not ask to
// resume: the room's last messages, oldest first, each as AppendMessage made it,
// and the room's present number.
func AppendHistory(dst []byte, of RoomInfo, messages [][]byte, seq int64) []byte {
	dst = appendHistoryOf(dst, of)
	dst = append(dst, `,"messages":`...)
	dst = appendArray(dst, messages)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	return append(appendSettings(dst, &of.RoomSettings), '}')
}

// AppendResume appends the first frame of a session that resumes after the
// number since: what was made or changed after it, in the order of rev, and the
// number at which the client stands then.
func AppendResume(dst []byte, of RoomInfo, since int64, messages [][]byte, seq int64, hasMore bool) []byte {
	dst = appendHistoryOf(dst, of)
	dst = append(dst, `,"since":`...)
	dst = strconv.AppendInt(dst, since, 10)
	dst = append(dst, `,"messages":`...)
	dst = appendArray(dst, messages)
	dst = appendSettings(dst, &of.RoomSettings)
	return appendStand(dst, seq, hasMore)
}

// AppendRewound appends the frame that has a client begin anew: the database went
// back, and what the client has may not be in it. It is an answer to since that
// begins and ends before everything.
func AppendRewound(dst []byte, of RoomInfo) []byte { return AppendResume(dst, of, 0, nil, 0, true) }

// appendHistoryOf begins a history's frame.
func appendHistoryOf(dst []byte, of RoomInfo) []byte {
	dst = append(dst, `{"type":"message_history","chat_room_id":`...)
	dst = appendUUID(dst, of.Room)
	dst = append(dst, `,"trip_id":`...)
	return appendUUID(dst, of.Trip)
}

// appendStand ends an object with where the client stands after it.
func appendStand(dst []byte, seq int64, hasMore bool) []byte {
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	dst = append(dst, `,"has_more":`...)
	dst = strconv.AppendBool(dst, hasMore)
	return append(dst, '}')
}

// arrayEndBytes is about what comes after an array in its frame.
const arrayEndBytes = 64

// appendArray appends a JSON array of values that are JSON already.
func appendArray(dst []byte, values [][]byte) []byte {
	size := arrayEndBytes
	for _, v := range values {
		size += len(v) + 1
	}
	dst = slices.Grow(dst, size)
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, v...)
	}
	return append(dst, ']')
}
