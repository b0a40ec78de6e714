package protocol

// decodeMessage reads a new message, and checks in this order: content,
// message_type, reply_to.
func (in *Intent) decodeMessage(f *fields, r *Rules) (refused *Error) {
	if in.Content, refused = f.readContent(r); refused != nil {
		return refused
	}
	if in.Type, refused = f.readMessageType(); refused != nil {
		return refused
	}
	in.ReplyTo, refused = f.readReplyTo()
	return refused
}
