package ledger

import "slices"

// file is what somebody has uploaded for a message.
type file struct {
	hash string // of its bytes
	ops  []*op  // new messages that were sent with it
}

// applyFiles adds a record about a file.
func (l *Ledger) applyFiles(r *Record) {
	switch r.Kind {
	case Uploaded:
		if l.files[r.File] != nil {
			l.repeated("file %s was uploaded twice", r.File)
		}
		l.files[r.File] = &file{hash: r.Content}
		l.report.Files++
	case Unstored:
		l.report.Unstored[r.Code]++
		if !mayBeSaid[r.Code] {
			l.unexplained("client %d: an upload was refused with %q, for which there is no reason", r.Client, r.Code)
		}
	case Fetch:
		l.client(r).fetched = l.clock
	case Fetched:
		l.fetched(r)
	}
}

// sends notes with which files a new message was sent.
func (l *Ledger) sends(o *op, files []string) {
	o.files = files
	for _, id := range files {
		if f := l.files[id]; f != nil {
			f.ops = append(f.ops, o)
		} else {
			l.unexplained("op %s has the file %s, which nobody has uploaded", o.name, id)
		}
	}
}

// rivals reports whether another message may have taken a file of an op's.
func (l *Ledger) rivals(o *op) bool {
	return slices.ContainsFunc(o.files, func(id string) bool {
		f := l.files[id]
		return f != nil && slices.ContainsFunc(f.ops, func(other *op) bool { return other != o && !other.denied() })
	})
}

// holder is the message that has a file; nil: none.
func (f *file) holder() *message {
	for _, o := range f.ops {
		if o.made != nil {
			return o.made
		}
	}
	return nil
}

// fetched notes what a client got who asked for a file of a message. From the deletion of the
// message on it is nothing.
func (l *Ledger) fetched(r *Record) {
	l.report.Fetched++
	f := l.files[r.File]
	switch {
	case f == nil:
		l.unexplained("client %d: message %s has the file %s, which nobody has uploaded", r.Client, r.Message, r.File)
	case r.Code == "" && r.Content != f.hash:
		l.lost("client %d: of file %s of message %s other bytes are served than were uploaded", r.Client, r.File, r.Message)
	case r.Code == "" && l.deletedBefore(r.Message, l.client(r).fetched) && !l.mayBeBehind(r):
		l.unexplained("client %d: file %s is served, and its message %s was deleted", r.Client, r.File, r.Message)
	case r.Code == "", r.Code == "not_found" && (l.deletes(r.Message) || l.mayBeBehind(r)):
	default:
		l.lost("client %d: file %s of message %s cannot be fetched: %s", r.Client, r.File, r.Message, r.Code)
	}
}

// deletedBefore reports whether somebody knew before a time that a message is deleted.
func (l *Ledger) deletedBefore(id string, clock int64) bool {
	if m := l.messages[id]; m != nil && m.buried != 0 && m.buried < clock {
		return true
	}
	return slices.ContainsFunc(l.changes[id], func(o *op) bool { return o.kind == Delete && o.granted != 0 && o.granted < clock })
}

// checkFiles: each file that was asked for in the end has its bytes, unless its message is
// deleted, and at most one message has it.
func (l *Ledger) checkFiles(rows []*Record) {
	for _, r := range rows {
		f := l.files[r.File]
		if f == nil {
			l.unexplained("file %s is there in the end, and nobody has uploaded it", r.File)
			continue
		}
		holder := f.holder()
		gone := holder != nil && holder.gone != 0
		switch {
		case gone && r.Code != "not_found":
			l.unexplained("message %s is deleted, and asked for its file %s the server says %q in the end", holder.id, r.File, r.Code)
		case gone:
		case r.Code != "":
			l.lost("file %s cannot be fetched in the end: %s", r.File, r.Code)
		case r.Content != f.hash:
			l.lost("of file %s other bytes are served in the end than were uploaded", r.File)
		}
	}
}

// checkHolders: no two messages have one file.
func (l *Ledger) checkHolders() {
	for _, id := range sorted(l.files) {
		holder := l.files[id].holder()
		for _, o := range l.files[id].ops {
			if o.made != nil && o.made != holder {
				l.repeated("file %s is in message %s, and in message %s", id, holder.id, o.made.id)
			}
		}
	}
}
