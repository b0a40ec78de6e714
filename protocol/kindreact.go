package protocol

import (
	"bytes"

	"github.com/google/uuid"
)

// decodeReact reads which emoji the user chooses for a message, or chooses no more, and checks
// in this order: message_id, emoji, on, whether the emoji is allowed.
func (in *Intent) decodeReact(f *fields, r *Rules) (refused *Error) {
	if in.MessageID, refused = f.readMessageID(); refused != nil {
		return refused
	}
	if f.emoji.kind != kindString && f.emoji.kind != kindAbsent && f.emoji.kind != kindNull {
		return ErrEmojiField
	}
	given := string(f.text(&f.emoji))
	if _, ok := ValidEmoji(given); !ok {
		return ErrInvalidEmoji
	}
	if in.On, refused = f.readOn(); refused != nil {
		return refused
	}
	in.Emoji, refused = r.CheckEmoji(given, in.On)
	return refused
}

// CheckEmoji returns how an emoji is shown that is to be set as a reaction, or taken away: the
// latter also where it is not allowed any more.
func (r *Rules) CheckEmoji(given string, on bool) (shown string, refused *Error) {
	shown, ok := ValidEmoji(given)
	switch {
	case !ok:
		return "", ErrInvalidEmoji
	case on && !r.Emoji.Has(shown):
		return "", ErrEmojiNotAllowed
	}
	return shown, nil
}

// Nameless returns the id of a message, of which it is given the JSON object as AppendMessage makes
// it, where that has reactions that do not say who they are from.
func Nameless(message []byte) (id uuid.UUID, is bool) {
	if !bytes.Contains(message, []byte(`,"reactions":[`)) { // nearly all
		return uuid.Nil, false
	}
	s := scanner{text: message}
	s.eat('{')
	for !s.eat('}') {
		key, known := s.key()
		v, ok := s.value()
		if !known || !ok {
			return uuid.Nil, false
		}
		switch string(key.raw) {
		case "id":
			id, _ = v.id()
		case "reactions":
			return id, !bytes.Contains(v.raw, []byte(`,"by":[`)) // a quote within a string is escaped
		}
		s.eat(',')
	}
	return uuid.Nil, false
}
