package protocol

import "unicode/utf8"

// fields are the values of an object under the keys that the protocol knows. Of
// a key that comes twice the last counts; unknown keys are passed over.
type fields struct {
	typ, content, messageType, replyTo, messageID, clientID, isTyping, chatRoom, seq value
	on, emoji, mentions, mentionsAll, data, presence, reads                          value
	attachments, chatRoomID, rooms, token, traceparent                               value

	scratch [512]byte // what a string with escapes says; a longer one costs an allocation
}

// text returns what a string value says. It is good until the next call.
func (in *fields) text(v *value) []byte { return v.text(in.scratch[:0]) }

// scan reads the JSON text p. It reports whether p is one JSON object in valid
// UTF-8. The fields refer to p.
func (in *fields) scan(p []byte) bool {
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
		in.set(&key, v)
		s.space()
		if !s.eat(',') {
			return s.eat('}') && s.end()
		}
		s.space()
	}
}

// keyBytesMax is what the longest known key can take, each character as an escape.
const keyBytesMax = len("message_type") * len(`\u0000`)

// set stores the value of a key if the protocol knows it. Case counts.
func (in *fields) set(key *value, v value) {
	if len(key.raw) > keyBytesMax {
		return
	}
	switch string(in.text(key)) {
	case "type":
		in.typ = v
	case "content":
		in.content = v
	case "message_type":
		in.messageType = v
	case "reply_to":
		in.replyTo = v
	case "message_id":
		in.messageID = v
	case "client_id":
		in.clientID = v
	case "is_typing":
		in.isTyping = v
	case "chat_room":
		in.chatRoom = v
	case "seq":
		in.seq = v
	case "on":
		in.on = v
	case "mentions":
		in.mentions = v
	case "mentions_all":
		in.mentionsAll = v
	case "data":
		in.data = v
	case "attachments":
		in.attachments = v
	case "emoji":
		in.emoji = v
	case "presence":
		in.presence = v
	case "reads":
		in.reads = v
	case "chat_room_id":
		in.chatRoomID = v
	case "rooms":
		in.rooms = v
	case "token":
		in.token = v
	case "traceparent":
		in.traceparent = v
	}
}
