package protocol

// DeletedTextDefault is what is told in place of a deleted message's content: --deleted-text.
const DeletedTextDefault = "This message was deleted"

// decodeDelete reads which message is to be deleted.
func (in *Intent) decodeDelete(f *fields) (refused *Error) {
	in.MessageID, refused = f.readMessageID()
	return refused
}
