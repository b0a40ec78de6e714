package ledger

// observe notes that a message was seen in the state that its event number rev
// left behind. What the observer says must agree with what all others said.
func (l *Ledger) observe(r *Record, seq, rev int64) *message {
	m := l.messages[r.Message]
	if m == nil {
		m = &message{id: r.Message, room: r.Room}
		l.messages[r.Message] = m
		l.belongs(m, r)
	}
	if m.room != r.Room {
		l.unexplained("message %s was seen in room %d and in room %d", m.id, m.room, r.Room)
	}
	if m.seq == 0 {
		m.seq = seq
		l.place(m, seq)
	}
	if m.seq != seq || rev < seq {
		l.reordered("message %s: made at %d as first seen, client %d has it made at %d and changed at %d", m.id, m.seq, r.Client, seq, rev)
	}
	l.describe(m, r, rev)
	if l.place(m, rev) {
		l.content(m, r, rev)
	}
	return m
}

// belongs finds the op that made a message.
func (l *Ledger) belongs(m *message, r *Record) {
	o := l.ops[r.Op]
	switch {
	case o == nil || o.kind != Send:
		if r.Rev > l.room(r.Room).base {
			l.unexplained("message %s in room %d is not of this fleet (client_id %q)", m.id, r.Room, r.Op)
		}
		return
	case o.made != nil:
		l.repeated("op %s is stored twice, as %s and %s", o.name, o.made.id, m.id)
	case o.room != m.room:
		l.unexplained("op %s was sent to room %d and stored in room %d", o.name, o.room, m.room)
	}
	o.made, m.op = m, o
}

// place notes that event number n is of message m; false if it is of another one.
func (l *Ledger) place(m *message, n int64) bool {
	room := l.room(m.room)
	other := room.events[n]
	if other != nil && other != m {
		l.reordered("room %d: number %d is of message %s for some and of %s for others", m.room, n, other.id, m.id)
		return false
	}
	room.events[n] = m
	room.top = max(room.top, n)
	m.last = max(m.last, n)
	return true
}

// content checks what a message said after event n against what was asked for.
func (l *Ledger) content(m *message, r *Record, n int64) {
	if m.op == nil {
		return
	}
	s := state{
		number: n, content: l.hash(r.Content), updated: l.hash(r.Updated), pinned: r.Pinned, pinner: r.PinnedBy, goer: r.DeletedBy,
		whole:   l.hash(r.Content, r.Updated, r.Deleted, r.DeletedBy, r.Pinned, r.PinnedBy, r.Summary, r.Extra),
		summary: r.Summary,
	}
	for _, known := range m.revs {
		if known.number == n {
			if known.whole != s.whole {
				l.unexplained("message %s said something else to client %d at %d than to others", m.id, r.Client, n)
			}
			return
		}
	}
	if r.Deleted != "" {
		l.buried(m, r, n)
	} else {
		s.by = l.wrote(m, r, n)
	}
	m.revs = append(m.revs, s)
}

// wrote finds the op that wrote what a message says.
func (l *Ledger) wrote(m *message, r *Record, n int64) *op {
	said := l.hash(r.Content)
	if r.Extra != m.op.extra {
		l.unexplained("message %s at %d mentions or carries %q; op %s sent %q", m.id, n, r.Extra, m.op.name, m.op.extra)
	}
	if said == m.op.content {
		return m.op
	}
	if n == m.seq {
		l.unexplained("message %s does not say what op %s sent", m.id, m.op.name)
		return m.op
	}
	edit := l.editOf(m.id, said, r.Content)
	if edit == nil {
		l.unexplained("message %s says at %d what no edit asked for", m.id, n)
		return m.op
	}
	if edit.number == 0 || n < edit.number {
		edit.number = n
	}
	return edit
}

// buried checks what is left of a deleted message.
func (l *Ledger) buried(m *message, r *Record, n int64) {
	if m.gone == 0 || n < m.gone {
		m.gone = n
	}
	if m.buried == 0 {
		m.buried = l.clock
	}
	if l.hidden == "" {
		l.hidden = r.Content
		if l.blank != "" && l.blank != firstRunes(r.Content) {
			l.unexplained("a message that is deleted was quoted with %q, and no tombstone says that", l.blank)
		}
	}
	switch {
	case l.ops[NameIn(r.Content)] != nil || r.Content != l.hidden:
		l.unexplained("message %s is deleted, and says to client %d at %d what no tombstone says: %q", m.id, r.Client, n, firstRunes(r.Content))
	case r.Pinned != "" || r.Extra != "":
		l.unexplained("message %s is deleted, and shows to client %d at %d a pin, mentions or data", m.id, r.Client, n)
	}
}

// editOf finds the edit by the name with which its content begins.
func (l *Ledger) editOf(message string, said uint64, content string) *op {
	o := l.ops[NameIn(content)]
	if o == nil || o.kind != Edit || o.about != message || o.content != said {
		return nil
	}
	return o
}
