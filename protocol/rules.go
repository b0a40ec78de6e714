package protocol

import "fmt"

// Rules are the limits of what clients send that a flag may change.
type Rules struct {
	ContentRunesMax int   // code points in a message, after trimming
	Emoji           Emoji // that may be chosen as reactions; nil: any
	Traces          bool  // the traceparent of a frame counts
}

// ErrTooLong is the refusal of content that is longer than the rules allow.
func (r *Rules) ErrTooLong() *Error {
	return &Error{CodeTooLong, fmt.Sprintf("Message is too long (max %d characters)", r.ContentRunesMax)}
}
