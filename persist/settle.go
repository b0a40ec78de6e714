package persist

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Refusals that only a store can give.
var (
	ErrUnknownRoom   = &protocol.Error{Code: protocol.CodeForbidden, Text: "The room does not exist"}
	ErrUnknownSender = &protocol.Error{Code: protocol.CodeForbidden, Text: "The sender does not exist"}
)

// Plan is a settled batch: the rows to write, and what becomes of each op once
// they are committed. Its messages never change.
type Plan struct {
	Inserts []*protocol.Message // new messages in their final state; within a room by seq
	Updates []*protocol.Message // older messages in their final state, each once
	Heads   []Head              // rooms whose number grew, ascending by id

	ops     []*room.Op
	results []result // of ops, by index
}

// Head is a room's number after the batch.
type Head struct {
	Room uuid.UUID
	Seq  int64
}

type result struct {
	outcome room.Outcome
	message *protocol.Message
	err     *protocol.Error
}

// Empty reports whether there is nothing to write.
func (p *Plan) Empty() bool { return len(p.Heads) == 0 }

// Conclude gives every op its outcome. It is called once, after the commit.
func (p *Plan) Conclude() {
	for i, op := range p.ops {
		r := &p.results[i]
		op.Outcome, op.Message, op.Err = r.outcome, r.message, r.err
	}
}

// Settle decides, in the order of the batch, what becomes of each op: each
// durable event takes the next number of its room, what client_id says is known
// is not stored again, and an op sees what the ops before it did. The ops are not
// touched: that is Conclude's part, after the commit.
func Settle(batch []*room.Op, lookup *Lookup, found *Found) *Plan {
	s := settling{
		found:  found,
		plan:   &Plan{ops: batch, results: make([]result, len(batch))},
		heads:  make(map[uuid.UUID]int64, len(lookup.Rooms)),
		state:  make(map[uuid.UUID]state),
		follow: len(lookup.Edits) > 0 || len(lookup.Originals) > 0 || len(lookup.Keys) > 0,
	}
	if len(lookup.Keys) > 0 {
		s.sent = make(map[ClientKey]uuid.UUID, len(lookup.Keys))
	}
	for i, op := range batch {
		switch op.Kind {
		case protocol.KindMessage:
			s.plan.results[i] = s.send(op)
		case protocol.KindEdit:
			s.plan.results[i] = s.edit(op)
		}
	}
	for _, id := range lookup.Rooms {
		if seq, grew := s.heads[id]; grew {
			s.plan.Heads = append(s.plan.Heads, Head{Room: id, Seq: seq})
		}
	}
	return s.plan
}

// settling is a Settle under way.
type settling struct {
	found  *Found
	plan   *Plan
	heads  map[uuid.UUID]int64     // rooms whose number grew
	sent   map[ClientKey]uuid.UUID // keys used by messages of this batch
	state  map[uuid.UUID]state     // messages of this batch made or changed so far
	follow bool                    // some op may refer to a message of this batch
}

// state is where a message stands after the ops so far: the row that will be
// written is the one in rows[at].
type state struct {
	rows *[]*protocol.Message
	at   int
}

func (s state) message() *protocol.Message { return (*s.rows)[s.at] }

func (s *settling) send(op *room.Op) result {
	if _, ok := s.found.Rooms[op.Room]; !ok {
		return refused(ErrUnknownRoom)
	}
	if op.ClientID != "" {
		if known := s.known(keyOf(op)); known != nil {
			return result{outcome: room.Duplicate, message: known}
		}
	}
	if _, ok := s.found.Senders[op.Sender.ID]; !ok {
		return refused(ErrUnknownSender)
	}
	m := &protocol.Message{
		ID: op.MessageID, RoomID: op.Room, Sender: op.Sender,
		Content: op.Content, Type: op.Type,
		CreatedAt: op.At, UpdatedAt: op.At,
		ClientID: op.ClientID,
	}
	if op.ReplyTo != uuid.Nil {
		if m.ReplyTo = s.reply(op); m.ReplyTo == nil {
			return refused(protocol.ErrInvalidReply)
		}
	}
	m.Seq = s.next(op.Room)
	m.Rev = m.Seq
	s.plan.Inserts = append(s.plan.Inserts, m)
	if s.follow {
		s.state[m.ID] = state{rows: &s.plan.Inserts, at: len(s.plan.Inserts) - 1}
	}
	if op.ClientID != "" {
		s.sent[keyOf(op)] = m.ID
	}
	return result{outcome: room.Stored, message: m}
}

func (s *settling) edit(op *room.Op) result {
	was := s.present(op.MessageID)
	if was == nil {
		was = s.found.Edits[op.MessageID]
	}
	if was == nil || was.RoomID != op.Room || was.Sender.ID != op.Sender.ID {
		return refused(protocol.ErrNotFound)
	}
	m := *s.fresh(was)
	m.Content, m.IsEdited, m.UpdatedAt = op.Content, true, later(was.UpdatedAt, op.At)
	m.Rev = s.next(op.Room)
	if st, ok := s.state[op.MessageID]; ok {
		(*st.rows)[st.at] = &m
	} else {
		s.plan.Updates = append(s.plan.Updates, &m)
		s.state[op.MessageID] = state{rows: &s.plan.Updates, at: len(s.plan.Updates) - 1}
	}
	return result{outcome: room.Stored, message: &m}
}

// known returns the message that has the key, in its present state, or nil.
func (s *settling) known(key ClientKey) *protocol.Message {
	if id, ok := s.sent[key]; ok {
		return s.fresh(s.present(id))
	}
	m := s.found.Known[key]
	if m == nil {
		return nil
	}
	if changed := s.present(m.ID); changed != nil {
		m = changed
	}
	return s.fresh(m)
}

// reply returns the short form of op's original, or nil if that is no message
// of op's room.
func (s *settling) reply(op *room.Op) *protocol.Reply {
	if m := s.present(op.ReplyTo); m != nil {
		if m.RoomID != op.Room {
			return nil
		}
		return replyTo(m)
	}
	original, ok := s.found.Originals[op.ReplyTo]
	if !ok || original.Room != op.Room {
		return nil
	}
	reply := original.Reply
	reply.Content = Excerpt(reply.Content)
	return &reply
}

// fresh returns m with the short form of its original as that stands now, which
// the batch may have edited since m was read or made.
func (s *settling) fresh(m *protocol.Message) *protocol.Message {
	if m.ReplyTo == nil {
		return m
	}
	original := s.present(m.ReplyTo.ID)
	if original == nil {
		return m
	}
	renewed := *m
	renewed.ReplyTo = replyTo(original)
	return &renewed
}

func replyTo(m *protocol.Message) *protocol.Reply {
	return &protocol.Reply{ID: m.ID, Content: Excerpt(m.Content), SenderEmail: m.Sender.Email}
}

// present returns a message that the batch made or changed, as it stands now.
func (s *settling) present(id uuid.UUID) *protocol.Message {
	if st, ok := s.state[id]; ok {
		return st.message()
	}
	return nil
}

func (s *settling) next(id uuid.UUID) int64 {
	seq, grew := s.heads[id]
	if !grew {
		seq = s.found.Rooms[id]
	}
	seq++
	s.heads[id] = seq
	return seq
}

func refused(err *protocol.Error) result {
	return result{outcome: room.Refused, err: err}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
