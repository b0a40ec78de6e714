package protocol

// decodeMessage reads a new message, and checks in this order: attachments, content,
// message_type, reply_to, mentions, mentions_all, data. With attachments it may have no
// content, and is a file.
func (in *Intent) decodeMessage(f *fields, r *Rules) (refused *Error) {
	attachments, refused := f.readAttachments()
	if refused != nil {
		return refused
	}
	in.Content, refused = f.readContent(r)
	if refused == ErrEmptyContent && len(attachments) > 0 {
		refused = nil
	}
	if refused != nil {
		return refused
	}
	if in.Type, refused = f.readMessageType(); refused != nil {
		return refused
	}
	if in.ReplyTo, refused = f.readReplyTo(); refused != nil {
		return refused
	}
	if len(attachments) > 0 {
		in.Type = TypeFile
		in.Extra, refused = f.readExtra(attachments)
		return refused
	}
	if f.mentions.kind == kindAbsent && f.mentionsAll.kind == kindAbsent && f.data.kind == kindAbsent {
		return nil
	}
	in.Extra, refused = f.readExtra(nil)
	return refused
}

// readExtra reads what most messages do not have; nil: this one neither.
func (in *fields) readExtra(attachments []Attachment) (*Extra, *Error) {
	e := Extra{Attachments: attachments}
	var refused *Error
	if e.Mentions, refused = in.readMentions(); refused != nil {
		return nil, refused
	}
	if e.MentionsAll, refused = in.mentionsAll.flag(ErrMentionsAllField); refused != nil {
		return nil, refused
	}
	if e.Data, refused = in.readData(); refused != nil {
		return nil, refused
	}
	return e.orNil(), nil
}
