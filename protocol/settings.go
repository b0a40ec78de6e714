package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// RoomSettings are what all members of a room are told of it.
type RoomSettings struct {
	FirstSeq int64 // the number that the room begins with: 1, unless what stood before was removed
	SlowMode int   // seconds between two messages of one user; zero: it is off
}

// AppendRoomSettings appends the frame that tells clients of version 2 settings that have
// changed.
func AppendRoomSettings(dst []byte, room uuid.UUID, is RoomSettings) []byte {
	dst = append(dst, `{"type":"room","chat_room_id":`...)
	dst = appendUUID(dst, room)
	dst = append(dst, `,"first_seq":`...)
	dst = strconv.AppendInt(dst, is.FirstSeq, 10)
	dst = append(dst, `,"slow_mode":`...)
	dst = strconv.AppendInt(dst, int64(is.SlowMode), 10)
	return append(dst, '}')
}

// appendSettings appends the members that tell settings which are not the usual ones.
func appendSettings(dst []byte, is *RoomSettings) []byte {
	return appendSlowMode(appendFirstSeq(dst, is.FirstSeq), is.SlowMode)
}

// appendFirstSeq appends the member that says where a room begins: not with its first
// number.
func appendFirstSeq(dst []byte, firstSeq int64) []byte {
	if firstSeq <= 1 {
		return dst
	}
	return strconv.AppendInt(append(dst, `,"first_seq":`...), firstSeq, 10)
}

// appendSlowMode appends the member that says that a room has slow mode.
func appendSlowMode(dst []byte, seconds int) []byte {
	if seconds <= 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, `,"slow_mode":`...), int64(seconds), 10)
}
