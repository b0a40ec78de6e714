package protocol

import "github.com/google/uuid"

// SendBody is the body of a REST call that sends a message, checked like the
// frame of a WebSocket.
type SendBody struct {
	Intent
	Room   uuid.UUID // the id of a room or of its trip
	RoomOK bool      // chat_room is an id; else no such room can exist
}

// DecodeSendBody reads the body of a call that sends a message into b, which it
// resets, and checks it in this order: JSON, chat_room, client_id, then as the
// frame. A chat_room that is no id is not an error here: then b.RoomOK is false, and
// the caller answers as for a room that does not exist.
func DecodeSendBody(p []byte, b *SendBody, r *Rules) (refused *Error) {
	*b = SendBody{Intent: Intent{Kind: KindMessage}}
	var f fields
	if !f.scan(p) {
		return ErrInvalidJSON
	}
	if f.chatRoom.kind == kindAbsent || f.chatRoom.kind == kindNull {
		return ErrMissingRoom
	}
	b.Room, b.RoomOK = f.readID(&f.chatRoom)
	if b.ClientID, refused = f.readClientID(); refused != nil {
		return refused
	}
	return b.decodeMessage(&f, r)
}

// DecodeEditBody reads the body of a call that edits a message: its new content, which may say
// nothing where the message has files.
func DecodeEditBody(p []byte, r *Rules) (content string, refused *Error) {
	var f fields
	if !f.scan(p) {
		return "", ErrInvalidJSON
	}
	return f.readNewContent(r)
}
