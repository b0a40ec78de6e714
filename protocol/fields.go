package protocol

import "unicode/utf8"

// fields are the values of an object under the keys that the protocol knows. Of
// a key that comes twice the last counts; unknown keys are passed over.
type fields struct {
	typ, content, messageType, replyTo, messageID, clientID, isTyping, chatRoom value
}

// scan reads the JSON text p. It reports whether p is one JSON object in valid
// UTF-8. The fields refer to p.
func (f *fields) scan(p []byte) bool {
	s := scanner{text: p}
	s.space()
	if !utf8.Valid(p) || !s.eat('{') {
		return false
	}
	s.space()
	if s.eat('}') {
		return s.end()
	}
	for {
		key, ok := s.key()
		if !ok {
			return false
		}
		v, ok := s.value()
		if !ok {
			return false
		}
		f.set(&key, v)
		s.space()
		if !s.eat(',') {
			return s.eat('}') && s.end()
		}
		s.space()
	}
}

// set stores the value of a key if the protocol knows it. Case counts.
func (f *fields) set(key *value, v value) {
	var buf [unescapedBytes]byte
	switch string(key.text(buf[:0])) {
	case "type":
		f.typ = v
	case "content":
		f.content = v
	case "message_type":
		f.messageType = v
	case "reply_to":
		f.replyTo = v
	case "message_id":
		f.messageID = v
	case "client_id":
		f.clientID = v
	case "is_typing":
		f.isTyping = v
	case "chat_room":
		f.chatRoom = v
	}
}
