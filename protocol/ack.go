package protocol

import "github.com/google/uuid"

// AppendAck appends the frame that tells a client of version 2 that what it asked for by the
// frame with that client_id is done. A zero room says that it was not about one room.
func AppendAck(dst []byte, room uuid.UUID, clientID string) []byte {
	dst = append(dst, `{"type":"ack"`...)
	if room != uuid.Nil {
		dst = append(dst, `,"chat_room_id":`...)
		dst = appendUUID(dst, room)
	}
	dst = append(dst, `,"client_id":`...)
	dst = appendString(dst, clientID)
	return append(dst, '}')
}
