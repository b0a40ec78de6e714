package protocol

import "github.com/google/uuid"

// ClientKind says what a client's frame asks for.
type ClientKind uint8

// The kinds of ClientFrame.
const (
	KindMessage ClientKind = iota + 1 // store a new message
	KindEdit                          // change the content of an own message
	KindTyping                        // tell the others that the user types
	KindPing                          // answer with Pong
)

// ClientFrame is what a client wants, checked as far as that is possible without
// the room. Only the fields of its Kind are set, besides ClientID.
type ClientFrame struct {
	Kind      ClientKind
	Content   string      // KindMessage, KindEdit: trimmed, not empty, storable
	ClientID  string      // empty: none
	Type      MessageType // KindMessage: TypeText or TypeFile
	ReplyTo   uuid.UUID   // KindMessage: zero: not a reply
	MessageID uuid.UUID   // KindEdit
	IsTyping  bool        // KindTyping
}

// DecodeClientFrame reads the JSON text of a client's frame into f, which it
// resets, and checks it against the rules in this order: JSON, type, client_id,
// then message_id and content, or content, message_type and reply_to. The first
// fault is returned; f.ClientID is set even then if it could be read. A null
// counts as an absent field, unknown fields do not count.
func DecodeClientFrame(p []byte, f *ClientFrame, r *Rules) *Error {
	*f = ClientFrame{}
	var in fields
	if !in.scan(p) {
		return ErrInvalidJSON
	}
	var refused *Error
	f.ClientID, refused = in.readClientID()
	if f.Kind = in.readKind(); f.Kind == 0 {
		return ErrUnknownType
	}
	if refused != nil {
		return refused
	}
	switch f.Kind {
	case KindMessage:
		return f.message(&in, r)
	case KindEdit:
		return f.edit(&in, r)
	case KindTyping:
		return f.typing(&in)
	default: // KindPing has no fields
		return nil
	}
}

// readKind reads the type of a frame; zero is unknown.
func (in *fields) readKind() ClientKind {
	if in.typ.kind != kindString {
		return 0
	}
	switch string(in.text(&in.typ)) {
	case "chat_message":
		return KindMessage
	case "edit_message":
		return KindEdit
	case "typing":
		return KindTyping
	case "ping":
		return KindPing
	}
	return 0
}

func (f *ClientFrame) message(in *fields, r *Rules) (refused *Error) {
	if f.Content, refused = in.readContent(r); refused != nil {
		return refused
	}
	if f.Type, refused = in.readMessageType(); refused != nil {
		return refused
	}
	f.ReplyTo, refused = in.readReplyTo()
	return refused
}

func (f *ClientFrame) edit(in *fields, r *Rules) (refused *Error) {
	id := &in.messageID
	if id.kind == kindAbsent || id.kind == kindNull || id.kind == kindString && len(id.raw) == 0 {
		return ErrMissingID
	}
	var ok bool
	if f.MessageID, ok = in.readID(id); !ok {
		return ErrNotFound
	}
	f.Content, refused = in.readContent(r)
	return refused
}

func (f *ClientFrame) typing(in *fields) *Error {
	switch in.isTyping.kind {
	case kindTrue:
		f.IsTyping = true
	case kindFalse, kindNull, kindAbsent:
	default:
		return ErrTypingField
	}
	return nil
}
