package protocol

// decodeMessage reads a new message, and checks in this order: content,
// message_type, reply_to, mentions, mentions_all, data.
func (in *Intent) decodeMessage(f *fields, r *Rules) (refused *Error) {
	if in.Content, refused = f.readContent(r); refused != nil {
		return refused
	}
	if in.Type, refused = f.readMessageType(); refused != nil {
		return refused
	}
	if in.ReplyTo, refused = f.readReplyTo(); refused != nil {
		return refused
	}
	if f.mentions.kind == kindAbsent && f.mentionsAll.kind == kindAbsent && f.data.kind == kindAbsent {
		return nil
	}
	in.Extra, refused = f.readExtra()
	return refused
}

// readExtra reads what most messages do not have; nil: this one neither.
func (in *fields) readExtra() (*Extra, *Error) {
	var e Extra
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
