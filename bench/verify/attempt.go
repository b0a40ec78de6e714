package verify

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// begin notes a new op and its first attempt on s; nil: over REST. m.mu is held.
func (m *member) begin(o *op, s *session) {
	r := ledger.Record{Kind: o.kind, Op: o.name, Content: o.content, Message: o.about, On: o.on, Seq: o.seq, Sender: m.userID, Way: wayOf(s)}
	switch o.kind {
	case ledger.Send:
		r.Form, r.Reply, r.Extra, r.To = o.form(), o.reply, extraOf(o.mentions, o.on, o.data, o.files), o.mentions
		for _, a := range o.files {
			r.Files = append(r.Files, a.ID)
		}
		if o.on {
			r.To = append(r.To[:len(r.To):len(r.To)], ledger.Everybody)
		}
	case ledger.Edit:
		o.edits.editing, o.revBefore = true, o.edits.rev
	case ledger.Delete:
		if o.edits != nil {
			o.edits.deleted = true
		}
	}
	m.note(r)
	m.pending[o.name] = o
	m.carry(o, s)
}

// again notes a further attempt. m.mu is held.
func (m *member) again(o *op, s *session) {
	m.note(ledger.Record{Kind: ledger.Resend, Op: o.name, Way: wayOf(s)})
	m.carry(o, s)
}

// wayOf says whether an attempt goes out over REST.
func wayOf(s *session) string {
	if s == nil {
		return ledger.WayREST
	}
	return ""
}

// carry lets an attempt wait on s, unless s has ended meanwhile. m.mu is held.
func (m *member) carry(o *op, s *session) {
	o.attempts++
	if s != nil && !s.own && o.unanswered() {
		delete(m.pending, o.name)
		return
	}
	o.waiting++
	if o.sentOn == nil {
		o.sentOn = map[*session]int{}
	}
	o.sentOn[s]++
	if s != nil && s.ended {
		m.cut(o, s)
	}
}

// over notes that one attempt on s waits no more. It reports whether there was one.
func (o *op) over(s *session) bool {
	if o.sentOn[s] == 0 {
		return false
	}
	o.sentOn[s]--
	o.waiting--
	return true
}

// text is the frame that asks for the op.
func (o *op) text() []byte {
	f := map[string]any{"type": "chat_message", "client_id": o.name}
	if o.about != "" {
		f["message_id"] = o.about
	}
	switch o.kind {
	case ledger.Edit:
		f["type"], f["content"] = "edit_message", o.content
	case ledger.Delete:
		f["type"] = "delete_message"
	case ledger.Pin:
		f["type"], f["on"] = "pin_message", o.on
	case ledger.React:
		f["type"], f["on"], f["emoji"] = "react", o.on, o.content
	case ledger.Mark:
		f["type"], f["seq"] = "mark_read", o.seq
	default:
		f["content"] = o.content
		o.describe(f)
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic("verify: " + err.Error()) // strings always encode
	}
	return b
}

// form is the op's message_type.
func (o *op) form() string {
	if o.file {
		return "file"
	}
	return "text"
}

// describe puts into a request what its message is besides its content.
func (o *op) describe(f map[string]any) {
	if o.file {
		f["message_type"] = "file"
	}
	if o.reply != "" {
		f["reply_to"] = o.reply
	}
	if o.mentions != nil {
		f["mentions"] = o.mentions
	}
	if o.on {
		f["mentions_all"] = true
	}
	if o.data != nil {
		f["data"] = o.data
	}
	if o.files != nil {
		ids := make([]string, len(o.files))
		for i, a := range o.files {
			ids[i] = a.ID
		}
		f["attachments"] = ids
	}
}

// write sends ops on the session. An error shows in its reader, which cuts them.
func (s *session) write(ops ...*op) {
	texts := make([][]byte, len(ops))
	for i, o := range ops {
		texts[i] = o.text()
	}
	s.send(texts...)
}

// send writes frames. Where the server takes none for long the member gives the session up.
// Any other error is left to the reader: it may have the server's close frame still to read.
func (s *session) send(texts ...[]byte) {
	if err := s.line.Write(texts...); errors.Is(err, os.ErrDeadlineExceeded) {
		s.leave()
		s.line.Abort()
	}
}

// recognise looks whether a message that was seen settles an op, whatever
// carried it. m.mu is held.
func (m *member) recognise(msg *message) {
	if m.v2 {
		m.has.merge(msg)
	}
	m.crew.uploads.told(msg)
	if msg.DeletedAt == "" {
		m.heard = msg.ID
	} else {
		m.buried(msg)
	}
	if o := m.pending[msg.ClientID]; o != nil && o.kind == ledger.Send {
		delete(m.pending, o.name)
		m.own(o, msg)
		m.leftOver(o)
	}
	for _, mine := range m.mine {
		if mine.id == msg.ID {
			mine.rev = max(mine.rev, msg.Rev)
		}
	}
	if o := m.pending[ledger.NameIn(msg.Content)]; o != nil && o.kind == ledger.Edit && o.edits.id == msg.ID {
		delete(m.pending, o.name)
		o.edits.editing = false
		m.leftOver(o)
	}
}

// leftOver keeps an op that is settled while attempts still wait for an answer.
func (m *member) leftOver(o *op) {
	if o.waiting > 0 {
		m.settled[o.name] = o
	}
}

// own remembers a message of the member's, to edit it or to send it again.
func (m *member) own(o *op, msg *message) {
	m.mine = append(m.mine, &own{id: msg.ID, op: o.name, content: o.content, sent: o, rev: msg.Rev, deleted: msg.DeletedAt != ""})
	if len(m.mine) > mineMax {
		m.mine = m.mine[1:]
	}
}

// find returns an op by name, settled or not. m.mu is held.
func (m *member) find(name string) *op {
	if o := m.pending[name]; o != nil {
		return o
	}
	return m.settled[name]
}

// answered notes that a live event answers an attempt on s. m.mu is held.
func (m *member) answered(s *session, f *frame, msg *message) {
	if f.Seq == msg.Seq || f.Type == "chat_message" {
		if o := m.find(msg.ClientID); o != nil && o.over(s) {
			m.forget(o)
		}
		return
	}
	m.changeAnswered(s, msg)
}

// changeAnswered notes that a message answers an attempt to change it. m.mu is held.
func (m *member) changeAnswered(s *session, msg *message) {
	if s.own {
		return // changes have an ack
	}
	if o := m.find(ledger.NameIn(msg.Content)); o != nil && o.over(s) {
		m.forget(o)
	}
	if msg.DeletedAt == "" {
		return
	}
	for _, ops := range []map[string]*op{m.pending, m.settled} {
		for _, o := range ops {
			if o.kind == ledger.Delete && o.about == msg.ID && o.over(s) {
				m.forget(o)
			}
		}
	}
}

// acked notes the answer to one attempt: the message itself. m.mu is held.
func (m *member) acked(s *session, msg *message) {
	m.note(msg.record(ledger.Acked))
	m.know(msg.Rev)
	m.recognise(msg)
	if o := m.find(msg.ClientID); o != nil {
		o.over(s)
		m.forget(o)
	}
}

// refused notes that one attempt was answered by an error, by which node. m.mu is held.
func (m *member) refused(s *session, node int, name, code string) {
	o := m.find(name)
	m.note(ledger.Record{Kind: ledger.Refused, Op: name, Code: code, Node: node + 1})
	if o == nil || !o.over(s) {
		return
	}
	if ledger.PromisesNothing(code) {
		o.denials++
	}
	switch code {
	case "invalid_reply", "invalid_attachment", "not_found", "forbidden", "too_many_pins":
		o.denials = o.attempts // what it is about is deleted, or lost: a user would be told
	case "not_allowed":
		if o.on || m.seat != changingSeat { // it will never be
			o.denials = o.attempts
		}
	}
	o.retryAt = time.Now().Add(retryPause)
	m.drop(o)
}

// cut notes that one attempt on s cannot be answered any more. m.mu is held.
func (m *member) cut(o *op, s *session) { m.fail(o, s, ledger.Cut) }

// fail notes that one attempt on s got no answer: its connection ended, or it
// lived on in silence. m.mu is held.
func (m *member) fail(o *op, s *session, kind ledger.Kind) {
	if !o.over(s) {
		return
	}
	r := ledger.Record{Kind: kind, Op: o.name}
	if s != nil {
		r.Version = s.version()
	}
	m.note(r)
	o.retryAt = time.Now().Add(retryPause)
	m.drop(o)
}

// cutAll cuts what waits on a session that has ended. m.mu is held.
func (m *member) cutAll(s *session) {
	for _, ops := range []map[string]*op{m.pending, m.settled} {
		for _, o := range ops {
			for o.sentOn[s] > 0 {
				m.cut(o, s)
			}
			delete(o.sentOn, s)
		}
	}
}

// drop gives up an op that needs no further attempt: one that was refused each
// time, and an edit of version 1 whatever became of it. m.mu is held.
func (m *member) drop(o *op) {
	over := o.attempts == o.denials
	if o.kind == ledger.Edit && o.waiting == 0 && (over || !m.v2) {
		delete(m.pending, o.name)
		o.edits.editing = false
	}
	if over {
		delete(m.pending, o.name)
	}
	m.forget(o)
}

// forget removes a settled op once nothing waits. m.mu is held.
func (m *member) forget(o *op) {
	if o.waiting == 0 {
		delete(m.settled, o.name)
	}
}

// overREST makes one attempt of an op that was noted as carried by no session.
func (m *member) overREST(ctx context.Context, o *op) {
	var made message
	var err error
	switch o.kind {
	case ledger.Send:
		made, err = m.post(ctx, o)
	case ledger.React:
		m.reactREST(ctx, o)
		return
	default:
		made, err = m.change(ctx, o)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.failedREST(ctx, o, made.node, err)
		return
	}
	r := made.record(ledger.Acked)
	r.Op, r.Way = o.name, ledger.WayREST
	m.note(r)
	m.know(made.Rev)
	m.recognise(&made)
	o.over(nil)
	if o.kind == ledger.Pin {
		m.done(o)
	}
	m.forget(o)
}

// failedREST notes that an attempt over REST was refused, or not answered. m.mu is held.
func (m *member) failedREST(ctx context.Context, o *op, node int, err error) {
	var refused *restError
	var network net.Error
	switch {
	case errors.As(err, &refused) && refused.code != "":
		m.refused(nil, node, o.name, refused.code)
	case errors.As(err, &network) && network.Timeout() && ctx.Err() == nil:
		m.fail(o, nil, ledger.Silent)
	default:
		m.cut(o, nil)
	}
}
