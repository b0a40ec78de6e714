package protocol

import "strconv"

// AppendEvent appends the frame of an Event, as clients of version 1 know it:
// message is the JSON object made by AppendMessage, seq the event's number in its
// room and prev the number after which it comes; prev is written only where it is
// not seq-1. duplicate marks the answer to a client_id that was known already.
func AppendEvent(dst []byte, k Kind, message []byte, seq, prev int64, duplicate bool) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, k.row().told...)
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
