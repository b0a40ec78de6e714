package protocol

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// readContent reads the text of a message: trimmed, and known to be storable. No
// content and null are empty content.
func (in *fields) readContent(r *Rules) (string, *Error) {
	v := &in.content
	switch v.kind {
	case kindAbsent, kindNull:
		return "", ErrEmptyContent
	case kindString:
	default:
		return "", ErrContentField
	}
	text := bytes.TrimFunc(in.text(v), isSpace)
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

// readNewContent reads what an edit says. A text that says nothing is refused by who knows the
// message: files need no caption.
func (in *fields) readNewContent(r *Rules) (string, *Error) {
	content, refused := in.readContent(r)
	if refused == ErrEmptyContent && in.content.kind == kindString {
		refused = nil
	}
	return content, refused
}

// readClientID reads the sender's own name for a frame; none and null are none.
func (in *fields) readClientID() (string, *Error) {
	v := &in.clientID
	switch v.kind {
	case kindAbsent, kindNull:
		return "", nil
	case kindString:
	default:
		return "", ErrInvalidClient
	}
	text := in.text(v)
	if len(text) == 0 || len(text) > ClientIDRunesMax && utf8.RuneCount(text) > ClientIDRunesMax ||
		bytes.IndexByte(text, 0) >= 0 {
		return "", ErrInvalidClient
	}
	return string(text), nil
}

// readMessageType reads the type of a new message; none and null mean text.
func (in *fields) readMessageType() (MessageType, *Error) {
	v := &in.messageType
	switch v.kind {
	case kindAbsent, kindNull:
		return TypeText, nil
	case kindString:
		switch string(in.text(v)) {
		case string(TypeText):
			return TypeText, nil
		case string(TypeFile):
			return TypeFile, nil
		}
	}
	return "", ErrInvalidType
}

// readReplyTo reads which message a new one answers; none and null mean none. The
// nil UUID is no message, so that it cannot be mistaken for none.
func (in *fields) readReplyTo() (uuid.UUID, *Error) {
	v := &in.replyTo
	if v.kind == kindAbsent || v.kind == kindNull {
		return uuid.Nil, nil
	}
	id, ok := in.readID(v)
	if !ok || id == uuid.Nil {
		return uuid.Nil, ErrInvalidReply
	}
	return id, nil
}

// readID reads a value as an id.
func (in *fields) readID(v *value) (uuid.UUID, bool) {
	if v.kind != kindString {
		return uuid.Nil, false
	}
	return ParseID(in.text(v))
}

// readMessageID reads which message is meant. A missing one has an error of its
// own; one that is no id is no message.
func (in *fields) readMessageID() (uuid.UUID, *Error) {
	v := &in.messageID
	if v.kind == kindAbsent || v.kind == kindNull || v.kind == kindString && len(v.raw) == 0 {
		return uuid.Nil, ErrMissingID
	}
	id, ok := in.readID(v)
	if !ok {
		return uuid.Nil, ErrNotFound
	}
	return id, nil
}

// readSeq reads a number of the room's log, as ParseSeq does. One that is not whole, or
// less than 0, is none.
func (in *fields) readSeq() (int64, *Error) {
	switch in.seq.kind {
	case kindAbsent, kindNull, kindNumber:
	default:
		return 0, ErrSeqField
	}
	seq, ok := ParseSeq(string(in.seq.raw))
	if !ok {
		return 0, ErrInvalidSeq
	}
	return seq, nil
}

// readOn reads whether something is to be so, or not. There is no default: what a client
// forgot to say is not to undo anything.
func (in *fields) readOn() (bool, *Error) {
	if in.on.kind == kindAbsent || in.on.kind == kindNull {
		return false, ErrOnField
	}
	return in.on.flag(ErrOnField)
}

// readMentions reads which users a new message mentions, each once.
func (in *fields) readMentions() ([]uuid.UUID, *Error) {
	v := &in.mentions
	if v.kind == kindAbsent || v.kind == kindNull {
		return nil, nil
	}
	if !v.isArray() {
		return nil, ErrMentionsField
	}
	var users []uuid.UUID
	for element := range v.elements() {
		user, ok := element.id()
		switch {
		case !ok, user == uuid.Nil: // which would be everybody
			return nil, ErrInvalidMention
		case slices.Contains(users, user):
			continue
		case len(users) == MentionsMax:
			return nil, ErrInvalidMention
		}
		users = append(users, user)
	}
	return users, nil
}

// flag reads true or false; none and null mean false. Another value is refused as
// wrong.
func (v *value) flag(wrong *Error) (bool, *Error) {
	switch v.kind {
	case kindTrue:
		return true, nil
	case kindFalse, kindNull, kindAbsent:
		return false, nil
	}
	return false, wrong
}
