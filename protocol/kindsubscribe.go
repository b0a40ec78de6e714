package protocol

import "strconv"

// decodeSubscribe reads which rooms the client wants to hear.
func (f *Frame) decodeSubscribe(in *fields) *Error {
	elements, ok := in.rooms.elementsUpTo(SubscribeRoomsMax)
	if !ok {
		return ErrRoomsField
	}
	f.Rooms = make([]RoomAsked, len(elements))
	for i := range elements {
		if !f.Rooms[i].decode(&elements[i]) {
			return ErrRoomsField
		}
	}
	return nil
}

// decode reads one of them, an object that a scanner has checked.
func (r *RoomAsked) decode(v *value) (ok bool) {
	if v.kind != kindNested || v.raw[0] != '{' {
		return false
	}
	var id, since, last, limit value
	var name [keyBytesMax]byte
	s := scanner{text: v.raw}
	s.eat('{')
	for s.space(); !s.eat('}'); s.space() {
		key, _ := s.key()
		member, _ := s.value()
		switch string(key.text(name[:0])) {
		case "id":
			id = member
		case "since":
			since = member
		case "since_id":
			last = member
		case "limit":
			limit = member
		}
		s.space()
		s.eat(',')
	}
	if r.Place, ok = readPlace(&id); !ok {
		return false
	}
	if r.Since, ok = since.seq(); !ok {
		return false
	}
	if last.kind != kindAbsent && last.kind != kindNull {
		if r.Last, ok = last.id(); !ok || r.Since == nil {
			return false
		}
	}
	n, ok := limit.seq()
	if n != nil {
		r.Limit = int(min(*n, ResumeMessagesMax))
		ok = r.Limit > 0
	}
	return ok
}

// seq reads a whole number, 0 or more; none and null are none.
func (v *value) seq() (n *int64, ok bool) {
	switch v.kind {
	case kindAbsent, kindNull:
		return nil, true
	case kindNumber:
	default:
		return nil, false
	}
	seq, ok := ParseSeq(string(v.raw))
	return &seq, ok
}

// decodeUnsubscribe reads which rooms the client does not want to hear any more.
func (f *Frame) decodeUnsubscribe(in *fields) *Error {
	elements, ok := in.rooms.elementsUpTo(SubscribeRoomsMax)
	if !ok {
		return ErrUnsubscribeField
	}
	f.Rooms = make([]RoomAsked, len(elements))
	for i := range elements {
		if f.Rooms[i].Place, ok = readPlace(&elements[i]); !ok {
			return ErrUnsubscribeField
		}
	}
	return nil
}

// AppendLeft appends the frame that tells a client that it hears a room no more, or not at
// all: what the close of a room's socket would tell.
func AppendLeft(dst []byte, room *Place, code CloseCode, message string) []byte {
	dst = append(dst, `{"type":"left","chat_room_id":`...)
	dst = room.append(dst)
	dst = append(dst, `,"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	return append(dst, '}')
}
