package protocol

// decodeWatch reads what the client asks to be told. What it does not name it is not told any
// more.
func (in *Intent) decodeWatch(f *fields) (refused *Error) {
	if in.Presence, refused = f.presence.flag(ErrWatchField); refused != nil {
		return refused
	}
	in.Reads, refused = f.reads.flag(ErrWatchField)
	return refused
}
