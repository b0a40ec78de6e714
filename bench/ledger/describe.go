package ledger

import "strings"

// describe checks what a message says besides its content: who sent it, when,
// in which form, what it answers. That never changes; only the quote does.
func (l *Ledger) describe(m *message, r *Record, rev int64) {
	client := r.Op
	if r.Kind == Acked && m.op != nil {
		client = m.op.name // an edit's answer is filed under the edit
	}
	face := l.hash(client, r.Sender, r.Email, r.Form, r.Created, r.Reply)
	if m.face == 0 {
		m.face, m.mail = face, r.Email
		if o := m.op; o != nil && (r.Sender != o.sender || r.Form != o.form || r.Reply != o.reply) {
			l.unexplained("message %s is by %s, %s, in answer to %q; op %s was by %s, %s, in answer to %q",
				m.id, r.Sender, r.Form, r.Reply, o.name, o.sender, o.form, o.reply)
		}
	}
	if m.face != face {
		l.unexplained("message %s was described to client %d otherwise than before (client_id, sender, message_type, created_at or reply_to)", m.id, r.Client)
	}
	if m.op == nil {
		return
	}
	if r.Deleted == "" && r.Edited != (l.hash(r.Content) != m.op.content) {
		l.unexplained("message %s, made at %d, says to client %d at %d that is_edited is %t", m.id, m.seq, r.Client, rev, r.Edited)
	}
	if r.Type == "message_patch" {
		return // the client has quoted what it was told with the message
	}
	if original := l.messages[r.Reply]; original != nil && original.op != nil {
		l.quoted(m, original, r, rev)
	}
}

// blanks reports whether a quote says what tombstones say. In a list a reply may come before
// the first of them, which tells then.
func (l *Ledger) blanks(quote string, o *op) bool {
	if l.hidden == "" && l.blank == "" && o == nil {
		l.blank = quote
	}
	if l.hidden == "" {
		return quote == l.blank && o == nil
	}
	return quote == firstRunes(l.hidden)
}

// quoted checks what a reply shows of the message that it answers: something
// that this one was asked to say, and not what it had ceased to say by then.
func (l *Ledger) quoted(m, original *message, r *Record, rev int64) {
	if r.QuoteBy != original.mail {
		l.unexplained("message %s quotes %s as by %q, who is %q", m.id, original.id, r.QuoteBy, original.mail)
	}
	o := l.ops[NameIn(r.Quote)]
	if l.deletes(original.id) && l.blanks(r.Quote, o) {
		return
	}
	if o == nil || o.quote != l.hash(r.Quote) || (o != original.op && o.about != original.id) {
		l.unexplained("message %s at %d quotes %s with what it never said", m.id, rev, original.id)
		return
	}
	said := o.number
	if o == original.op {
		said = original.seq
	}
	if said == 0 {
		return // an edit whose number nobody has seen yet
	}
	asOf := rev
	if r.Kind == Shown && !l.client(r).view.open {
		asOf = l.client(r).view.seq
	}
	if r.Kind == Read {
		asOf = l.room(r.Room).top // nothing happens any more
	}
	for _, later := range original.revs {
		if said < later.number && later.number <= asOf && later.by != o {
			l.unexplained("message %s quoted %s to client %d as of %d; it had been changed at %d", m.id, original.id, r.Client, said, later.number)
			return
		}
	}
}

// Content returns what the op with the given name must say, so that whoever
// reads it can tell by what it was written: the name, a space, and the text.
func Content(name, text string) string { return name + " " + text }

// NameIn returns the name of the op that wrote the content.
func NameIn(content string) string {
	name, _, _ := strings.Cut(content, " ")
	return name
}
