package protocol

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Rules are the limits of what clients send that a flag may change.
type Rules struct {
	ContentRunesMax int // code points in a message, after trimming
}

// ErrTooLong is the refusal of content that is longer than the rules allow.
func (r *Rules) ErrTooLong() *Error {
	return &Error{CodeTooLong, fmt.Sprintf("Message is too long (max %d characters)", r.ContentRunesMax)}
}

// content reads the text of a message: trimmed, and known to be storable. No
// content and null are empty content.
func (r *Rules) content(v *value) (string, *Error) {
	switch v.kind {
	case kindAbsent, kindNull:
		return "", ErrEmptyContent
	case kindString:
	default:
		return "", ErrContentField
	}
	var buf [unescapedBytes]byte
	text := bytes.TrimFunc(v.text(buf[:0]), isSpace)
	switch {
	case len(text) == 0:
		return "", ErrEmptyContent
	case len(text) > r.ContentRunesMax && utf8.RuneCount(text) > r.ContentRunesMax:
		return "", r.ErrTooLong()
	case bytes.IndexByte(text, 0) >= 0:
		return "", ErrInvalidContent
	}
	return string(text), nil
}

// isSpace says whether Python's str.strip takes r for white space, as the
// service that Caravan replaces trimmed: Unicode's white space and the four
// separators of ASCII.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f'
}

// clientID reads the sender's own name for a frame; none and null are none.
func clientID(v *value) (string, *Error) {
	switch v.kind {
	case kindAbsent, kindNull:
		return "", nil
	case kindString:
	default:
		return "", ErrInvalidClient
	}
	var buf [unescapedBytes]byte
	text := v.text(buf[:0])
	if len(text) == 0 || len(text) > ClientIDRunesMax && utf8.RuneCount(text) > ClientIDRunesMax ||
		bytes.IndexByte(text, 0) >= 0 {
		return "", ErrInvalidClient
	}
	return string(text), nil
}

// messageType reads the type of a new message; none and null mean text.
func messageType(v *value) (MessageType, *Error) {
	switch v.kind {
	case kindAbsent, kindNull:
		return TypeText, nil
	case kindString:
		var buf [unescapedBytes]byte
		switch string(v.text(buf[:0])) {
		case string(TypeText):
			return TypeText, nil
		case string(TypeFile):
			return TypeFile, nil
		}
	}
	return "", ErrInvalidType
}

// replyTo reads which message a new one answers; none and null mean none. The
// nil UUID is no message, so that it cannot be mistaken for none.
func replyTo(v *value) (uuid.UUID, *Error) {
	if v.kind == kindAbsent || v.kind == kindNull {
		return uuid.Nil, nil
	}
	id, ok := v.id()
	if !ok || id == uuid.Nil {
		return uuid.Nil, ErrInvalidReply
	}
	return id, nil
}
