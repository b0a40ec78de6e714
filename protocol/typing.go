package protocol

import "strconv"

// AppendTyping appends the frame that tells the others of a room that u types,
// or stopped.
func AppendTyping(dst []byte, u *User, isTyping bool) []byte {
	dst = append(dst, `{"type":"typing","user_id":`...)
	dst = appendUUID(dst, u.ID)
	dst = append(dst, `,"user_email":`...)
	dst = appendString(dst, u.Email)
	dst = append(dst, `,"is_typing":`...)
	dst = strconv.AppendBool(dst, isTyping)
	return append(dst, '}')
}
