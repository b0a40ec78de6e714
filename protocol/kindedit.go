package protocol

// decodeEdit reads a new content for an own message, and checks in this order:
// message_id, content.
func (in *Intent) decodeEdit(f *fields, r *Rules) (refused *Error) {
	if in.MessageID, refused = f.readMessageID(); refused != nil {
		return refused
	}
	in.Content, refused = f.readNewContent(r)
	return refused
}
