package protocol

import "github.com/google/uuid"

// Frame is what a client sends on a WebSocket: what it wants of a room, or of its connection.
type Frame struct {
	Intent
	Place Place       // chat_room_id
	Rooms []RoomAsked // KindSubscribe and KindUnsubscribe
	Token string      // KindAuth
	Trace *Trace      // of an Event or Mark, where Rules.Traces: its traceparent; nil: none that counts
}

// Place is how a client names a room: by its id, or by that of its trip.
type Place struct {
	Named bool      // something was given
	ID    uuid.UUID // zero: there can be no such room
	Given string    // what was given, unless it is ID in the canonical form
}

// RoomAsked is a room that a client subscribes to, or no more.
type RoomAsked struct {
	Place Place
	Since *int64    // what to resume from; nil: the latest messages
	Last  uuid.UUID // the message that event Since made or changed; zero: not known
	Limit int       // messages in the answer; zero: the usual number
}

// DecodeFrame reads the JSON text of a client's frame into f, which it resets,
// and checks it against the rules in this order: JSON, type, client_id, then the
// fields of the kind. The first fault is returned; f.ClientID and f.Place are set even then
// if they could be read. A null counts as an absent field, unknown fields do not count.
func DecodeFrame(p []byte, f *Frame, r *Rules) *Error {
	*f = Frame{}
	var in fields
	if !in.scan(p) {
		return ErrInvalidJSON
	}
	var refused *Error
	f.ClientID, refused = in.readClientID()
	f.Place, _ = readPlace(&in.chatRoomID)
	if f.Kind = in.readKind(); f.Kind == 0 {
		return ErrUnknownType
	}
	if refused != nil {
		return refused
	}
	switch f.Kind {
	case KindSubscribe:
		return f.decodeSubscribe(&in)
	case KindUnsubscribe:
		return f.decodeUnsubscribe(&in)
	case KindAuth:
		return f.decodeAuth(&in)
	}
	if r.Traces {
		f.Trace = in.readTrace()
	}
	return f.decode(&in, r)
}

// readKind reads the type of a frame; zero is unknown.
func (in *fields) readKind() Kind {
	if in.typ.kind != kindString {
		return 0
	}
	return askedKind(in.text(&in.typ))
}

// readPlace reads how a client names a room. A string that is no id names none that can be
// there. ok is false where it is no string, or a longer one than is given back.
func readPlace(v *value) (p Place, ok bool) {
	switch v.kind {
	case kindAbsent, kindNull:
		return p, false
	case kindString:
	default:
		return Place{Named: true}, false
	}
	p.Named = true
	var buf [6 * PlaceBytesMax]byte
	if len(v.raw) > len(buf) {
		return p, false
	}
	text := v.text(buf[:0])
	if len(text) > PlaceBytesMax {
		return p, false
	}
	p.ID, ok = ParseID(text)
	var canonical [idHyphenated + 2]byte
	if !ok || string(appendUUID(canonical[:0], p.ID)[1:idHyphenated+1]) != string(text) {
		p.Given = string(text)
	}
	return p, true
}

// append appends the place as it was given.
func (p *Place) append(dst []byte) []byte {
	if p.Given != "" {
		return appendString(dst, p.Given)
	}
	return appendUUID(dst, p.ID)
}
