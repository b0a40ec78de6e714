package protocol

import "strconv"

// decodeTyping reads whether the user types; without a value they stopped.
func (in *Intent) decodeTyping(f *fields) (refused *Error) {
	in.On, refused = f.isTyping.flag(ErrTypingField)
	return refused
}

// appendTyping appends what a frame of typing has beside its type and user_id.
func (in *Intent) appendTyping(dst []byte, by *User) []byte {
	dst = append(dst, `,"user_email":`...)
	dst = appendString(dst, by.Email)
	dst = append(dst, `,"is_typing":`...)
	return strconv.AppendBool(dst, in.On)
}
