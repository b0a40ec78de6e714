package wire

import "encoding/json"

// Template is a chat_message frame, masked once. Sending it costs a copy and
// the masking of its stamp.
type Template struct {
	frame   []byte // head, key and masked payload
	stampAt int    // where the stamp begins in frame
	maskPos int    // the same as an offset into the payload
	key     [4]byte
}

// NewTemplate makes the frame of a text message with the content given.
func NewTemplate(content string, key [4]byte) *Template {
	text, err := json.Marshal(content)
	if err != nil {
		panic("wire: a string that cannot be JSON: " + err.Error()) // Marshal never fails on strings
	}
	payload := append([]byte(`{"type":"chat_message","content":`), text...)
	payload = append(payload, `,"client_id":"`...)
	at := len(payload)
	payload = append(payload, make([]byte, stampBytes)...)
	payload = append(payload, `"}`...)
	frame := AppendFrame(nil, OpText, key, payload)
	return &Template{
		frame:   frame,
		stampAt: len(frame) - len(payload) + at,
		maskPos: at,
		key:     key,
	}
}

// Len is the number of bytes that one message takes on the wire.
func (t *Template) Len() int { return len(t.frame) }

// Append appends the frame with the stamp s.
func (t *Template) Append(dst []byte, s Stamp) []byte {
	start := len(dst)
	dst = append(dst, t.frame...)
	stamp := dst[start+t.stampAt : start+t.stampAt+stampBytes]
	s.put(stamp)
	mask(stamp, t.key, t.maskPos)
	return dst
}
