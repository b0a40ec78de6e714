package verify

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// begin notes a new op and its first attempt on s; nil: over REST. m.mu is held.
func (m *member) begin(o *op, s *session) {
	kind := ledger.Send
	r := ledger.Record{Kind: kind, Op: o.name, Content: o.content}
	if o.edits != nil {
		r.Kind, r.Message = ledger.Edit, o.edits.id
		o.edits.editing, o.revBefore = true, o.edits.rev
	}
	m.note(r)
	m.pending[o.name] = o
	m.carry(o, s)
}

// again notes a further attempt. m.mu is held.
func (m *member) again(o *op, s *session) {
	m.note(ledger.Record{Kind: ledger.Resend, Op: o.name})
	m.carry(o, s)
}

// carry lets an attempt wait on s, unless s has ended meanwhile. m.mu is held.
func (m *member) carry(o *op, s *session) {
	o.attempts++
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
	f := map[string]any{"type": "chat_message", "content": o.content, "client_id": o.name}
	if o.edits != nil {
		f["type"], f["message_id"] = "edit_message", o.edits.id
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic("verify: " + err.Error()) // strings always encode
	}
	return b
}

// write sends ops on the session. An error shows in its reader, which cuts them.
func (s *session) write(ops ...*op) {
	texts := make([][]byte, len(ops))
	for i, o := range ops {
		texts[i] = o.text()
	}
	if s.client.Write(texts...) != nil {
		s.client.Abort()
	}
}

// recognise looks whether a message that was seen settles an op, whatever
// carried it. m.mu is held.
func (m *member) recognise(msg *message) {
	if o := m.pending[msg.ClientID]; o != nil && o.edits == nil {
		delete(m.pending, o.name)
		m.own(o, msg)
		m.leftOver(o)
	}
	for _, mine := range m.mine {
		if mine.id == msg.ID {
			mine.rev = max(mine.rev, msg.Rev)
		}
	}
	if o := m.pending[ledger.NameIn(msg.Content)]; o != nil && o.edits != nil && o.edits.id == msg.ID {
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
	m.mine = append(m.mine, &own{id: msg.ID, op: o.name, content: o.content, rev: msg.Rev})
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
func (m *member) answered(s *session, msg *message) {
	if o := m.find(ledger.NameIn(msg.Content)); o != nil && o.over(s) {
		m.forget(o)
	}
}

// acked notes the answer to one attempt: the message itself. m.mu is held.
func (m *member) acked(s *session, msg *message) {
	m.note(ledger.Record{Kind: ledger.Acked, Op: msg.ClientID, Message: msg.ID, Seq: msg.Seq, Rev: msg.Rev, Content: msg.Content})
	m.recognise(msg)
	if o := m.find(msg.ClientID); o != nil {
		o.over(s)
		m.forget(o)
	}
}

// refused notes that one attempt was answered by an error. m.mu is held.
func (m *member) refused(s *session, name, code string) {
	o := m.find(name)
	if o == nil || !o.over(s) {
		m.note(ledger.Record{Kind: ledger.Refused, Op: name, Code: code})
		return
	}
	m.note(ledger.Record{Kind: ledger.Refused, Op: name, Code: code})
	if ledger.PromisesNothing(code) {
		o.denials++
	}
	o.retryAt = time.Now().Add(retryPause)
	m.drop(o)
}

// cut notes that one attempt on s cannot be answered any more. m.mu is held.
func (m *member) cut(o *op, s *session) {
	if !o.over(s) {
		return
	}
	m.note(ledger.Record{Kind: ledger.Cut, Op: o.name})
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
// time, and an edit whatever became of it. m.mu is held.
func (m *member) drop(o *op) {
	if o.edits != nil && o.waiting == 0 {
		delete(m.pending, o.name)
		o.edits.editing = false
	}
	if o.attempts == o.denials {
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
	if o.edits != nil {
		made, err = m.patch(ctx, o.edits.id, o.content)
	} else {
		made, err = m.post(ctx, o.name, o.content)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var refused *restError
	switch {
	case err == nil:
		m.note(ledger.Record{Kind: ledger.Acked, Op: o.name, Message: made.ID, Seq: made.Seq, Rev: made.Rev, Content: made.Content})
		m.recognise(&made)
		o.over(nil)
		m.forget(o)
	case errors.As(err, &refused) && refused.code != "":
		m.refused(nil, o.name, refused.code)
	default:
		m.cut(o, nil)
	}
}
