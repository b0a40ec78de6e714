package wire

import (
	"encoding/json"
	"strings"
)

// Template is the frame of a message, masked once. Sending it costs a copy and
// the masking of its stamp.
type Template struct {
	frame   []byte // head, key and masked payload
	stampAt int    // where the stamp begins in frame
	maskPos int    // the same as an offset into the payload
	roomAt  int    // where the room's name begins in frame; zero: it has none
	roomPos int
	key     [4]byte
}

// NewTemplate makes the frame of a text message with the content given.
func NewTemplate(content string, key [4]byte) *Template {
	return newTemplate(`{"type":"chat_message","content":`+quoted(content)+`,"client_id":"`, `"}`, key)
}

// NewRawTemplate makes the frame for a server that sends on what it gets: it is as long
// as what Caravan tells of a message with that content, so that a delivery is as many
// bytes on both.
func NewRawTemplate(content string, key [4]byte) *Template {
	before, after := rawTexts(content)
	return newTemplate(before, after, key)
}

// rawTexts are what stands before and after the stamp.
func rawTexts(content string) (before, after string) {
	const id = "00000000-0000-0000-0000-000000000000"
	const moment = "2026-01-01T00:00:00.000000Z"
	return `{"type":"chat_message","message":{"id":"` + id + `","chat_room_id":"` + id +
		`","sender":{"id":"` + id + `","email":"user0000@example.com","username":"user0000","full_name":"User 0000"},"content":` + quoted(content) +
		`,"message_type":"text","reply_to":null,"is_edited":false,"created_at":"` + moment + `","updated_at":"` + moment +
		`","seq":1000,"rev":1000,"client_id":"`, `"},"seq":1000}`
}

// quoted is a text as JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic("wire: a string that cannot be JSON: " + err.Error()) // Marshal never fails on strings
	}
	return string(b)
}

// newTemplate makes the frame of a payload that has a stamp between two texts.
func newTemplate(before, after string, key [4]byte) *Template {
	payload := append([]byte(before), make([]byte, stampBytes)...)
	payload = append(payload, after...)
	frame := AppendFrame(nil, OpText, key, payload)
	return &Template{
		frame:   frame,
		stampAt: len(frame) - len(payload) + len(before),
		maskPos: len(before),
		key:     key,
	}
}

// newRoomTemplate makes the frame of a payload that has a room's name after the first text, and a
// stamp between the others.
func newRoomTemplate(first, before, after string, key [4]byte) *Template {
	t := newTemplate(first+strings.Repeat(" ", roomBytes)+before, after, key)
	t.roomPos = len(first)
	t.roomAt = t.stampAt - t.maskPos + t.roomPos
	return t
}

// Len is the number of bytes that one message takes on the wire.
func (t *Template) Len() int { return len(t.frame) }

// Append appends the frame with the stamp s, to a room where the protocol names it.
func (t *Template) Append(dst []byte, s Stamp, room int) []byte {
	start := len(dst)
	dst = append(dst, t.frame...)
	stamp := dst[start+t.stampAt : start+t.stampAt+stampBytes]
	s.put(stamp)
	mask(stamp, t.key, t.maskPos)
	if t.roomAt > 0 {
		at := start + t.roomAt
		name := AppendRoom(dst[at:at], room)
		mask(name, t.key, t.roomPos)
	}
	return dst
}
