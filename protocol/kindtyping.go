package protocol

import "strconv"

// decodeTyping reads whether the user types; without a value they stopped.
func (in *Intent) decodeTyping(f *fields) *Error {
	switch f.isTyping.kind {
	case kindTrue:
		in.On = true
	case kindFalse, kindNull, kindAbsent:
	default:
		return ErrTypingField
	}
	return nil
}

// appendTyping appends the frame that tells the others of a room that a user types,
// or stopped.
func appendTyping(dst []byte, by *User, types bool) []byte {
	dst = append(dst, `{"type":"typing","user_id":`...)
	dst = appendUUID(dst, by.ID)
	dst = append(dst, `,"user_email":`...)
	dst = appendString(dst, by.Email)
	dst = append(dst, `,"is_typing":`...)
	dst = strconv.AppendBool(dst, types)
	return append(dst, '}')
}
