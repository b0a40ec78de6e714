package protocol

// decodePin reads which message is to be pinned, or not any more, and checks in this
// order: message_id, on.
func (in *Intent) decodePin(f *fields) (refused *Error) {
	if in.MessageID, refused = f.readMessageID(); refused != nil {
		return refused
	}
	in.On, refused = f.readOn()
	return refused
}
