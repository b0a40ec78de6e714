package protocol

import "github.com/google/uuid"

// SendBody is the body of a REST call that sends a message, checked like the
// frame of a WebSocket.
type SendBody struct {
	Room     uuid.UUID // the id of a room or of its trip
	RoomOK   bool      // chat_room is an id; else no such room can exist
	Content  string
	Type     MessageType
	ReplyTo  uuid.UUID // zero: not a reply
	ClientID string    // empty: none
}

// DecodeSendBody reads the body of a call that sends a message into b, which it
// resets, and checks it in this order: JSON, chat_room, client_id, content,
// message_type, reply_to. A chat_room that is no id is not an error here: then
// b.RoomOK is false, and the caller answers as for a room that does not exist.
func DecodeSendBody(p []byte, b *SendBody, r *Rules) (refused *Error) {
	*b = SendBody{}
	var in fields
	if !in.scan(p) {
		return ErrInvalidJSON
	}
	if in.chatRoom.kind == kindAbsent || in.chatRoom.kind == kindNull {
		return ErrMissingRoom
	}
	b.Room, b.RoomOK = in.readID(&in.chatRoom)
	if b.ClientID, refused = in.readClientID(); refused != nil {
		return refused
	}
	if b.Content, refused = in.readContent(r); refused != nil {
		return refused
	}
	if b.Type, refused = in.readMessageType(); refused != nil {
		return refused
	}
	b.ReplyTo, refused = in.readReplyTo()
	return refused
}

// DecodeEditBody reads the body of a call that edits a message: its new content.
func DecodeEditBody(p []byte, r *Rules) (content string, refused *Error) {
	var in fields
	if !in.scan(p) {
		return "", ErrInvalidJSON
	}
	return in.readContent(r)
}
