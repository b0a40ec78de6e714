package protocol

import "strconv"

// The types of the frames that tell a durable event of a room.
const (
	EventMessage = "chat_message"   // a new message
	EventEdited  = "message_edited" // a message changed
)

// AppendEvent appends the frame of a durable event. typ is EventMessage or
// EventEdited, message the JSON object made by AppendMessage, seq the event's
// number in its room and prev the number after which it comes; prev is written
// only where it is not seq-1. duplicate marks the answer to a client_id that was
// known already.
func AppendEvent(dst []byte, typ string, message []byte, seq, prev int64, duplicate bool) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, typ...)
	dst = append(dst, `","message":`...)
	dst = append(dst, message...)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	if prev != seq-1 {
		dst = append(dst, `,"prev":`...)
		dst = strconv.AppendInt(dst, prev, 10)
	}
	if duplicate {
		dst = append(dst, `,"duplicate":true`...)
	}
	return append(dst, '}')
}
