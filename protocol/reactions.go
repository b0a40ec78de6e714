package protocol

import "time"

// AppendOwnReactions appends the body of the answer to who has set a reaction, or has taken one
// away: all that the message has, and the emoji that they have chosen.
func AppendOwnReactions(dst []byte, all []Reaction, own []string) []byte {
	dst = append(dst, `{"reactions":`...)
	dst = AppendReactions(dst, all)
	dst = append(dst, `,"my_reactions":`...)
	return append(appendStrings(dst, own), '}')
}

// AppendReactor appends the JSON object of one who has chosen an emoji for a message.
func AppendReactor(dst []byte, u *User, emoji string, at time.Time) []byte {
	dst = append(dst, `{"user":`...)
	dst = appendSender(dst, u)
	dst = append(dst, `,"emoji":`...)
	dst = appendString(dst, emoji)
	dst = append(dst, `,"created_at":`...)
	return append(appendTime(dst, at), '}')
}
