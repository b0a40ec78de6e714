package protocol

import "strconv"

// Telling says how an Event is told.
type Telling uint8

// The ways to tell an Event.
const (
	Live      Telling = iota // as it happens, to a room
	CaughtUp                 // read from the store, with the message as it is now
	Duplicate                // to who asked for what is so already, as by a client_id that was known
)

// AppendEvent appends the frame of an Event, as clients of version 1 know it:
// message is the JSON object made by AppendMessage, seq the event's number in its
// room and prev the number after which it comes; prev is written only where it is
// not seq-1.
func AppendEvent(dst []byte, k Kind, message []byte, seq, prev int64, how Telling) []byte {
	dst = appendEventHead(dst, k, how)
	dst = append(dst, message...)
	return appendEventTail(dst, seq, prev, how)
}

// AppendEventOf is AppendEvent with the object of m, which is made in its place. In what it
// returns the object stands from begin to end.
func AppendEventOf(dst []byte, k Kind, m *Message, seq, prev int64, how Telling) (frame []byte, begin, end int) {
	dst = appendEventHead(dst, k, how)
	begin = len(dst)
	dst = AppendMessage(dst, m)
	end = len(dst)
	return appendEventTail(dst, seq, prev, how), begin, end
}

// appendEventHead appends what stands before the message of an Event.
func appendEventHead(dst []byte, k Kind, how Telling) []byte {
	row := k.row()
	dst = append(dst, `{"type":"`...)
	dst = append(dst, row.told...)
	if row.change != "" && how == Live {
		dst = append(dst, `","change":"`...)
		dst = append(dst, row.change...)
	}
	return append(dst, `","message":`...)
}

// appendEventTail appends what stands behind it.
func appendEventTail(dst []byte, seq, prev int64, how Telling) []byte {
	dst = appendNumber(dst, seq, prev)
	if how == Duplicate {
		dst = append(dst, `,"duplicate":true`...)
	}
	return append(dst, '}')
}

// appendNumber appends the number of an event, and the one after which it comes where that
// is not the one before.
func appendNumber(dst []byte, seq, prev int64) []byte {
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, seq, 10)
	if prev != seq-1 {
		dst = append(dst, `,"prev":`...)
		dst = strconv.AppendInt(dst, prev, 10)
	}
	return dst
}
