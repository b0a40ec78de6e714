package persist

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// ErrUnknownRoom is a refusal that only a store can give.
var ErrUnknownRoom = &protocol.Error{Code: protocol.CodeForbidden, Text: "The room does not exist"}

// Settle decides, in the order of the batch, what becomes of each op by the rule of
// its kind: each event takes the next number of its room, and an op sees what the
// ops before it did. The ops are not touched: that is Conclude's part, after the
// commit.
func Settle(batch []*room.Op, lookup *Lookup, found *Found) *Plan {
	s := settling{
		found:  found,
		plan:   &Plan{ops: batch, results: make([]result, len(batch))},
		heads:  make(map[uuid.UUID]int64, len(lookup.Rooms)),
		state:  make(map[uuid.UUID]state, len(lookup.Keys)),
		spend:  newSpending(lookup.Quotas, batch, found),
		follow: len(lookup.Messages) > 0 || len(lookup.Originals) > 0 || len(lookup.Keys) > 0,
	}
	if len(lookup.Keys) > 0 {
		s.sent = make(map[ClientKey]uuid.UUID, len(lookup.Keys))
	}
	for i, op := range batch {
		if err := cmp.Or(op.Err, admit(op, found)); err != nil {
			if s.plan.results[i] = refused(err); ruleOf(op).unasked {
				s.summarized(op) // which would be tried again and again
			}
			continue
		}
		s.at = i
		s.plan.results[i] = ruleOf(op).settle(&s, op)
	}
	for _, id := range lookup.Rooms {
		if seq, grew := s.heads[id]; grew {
			s.plan.Heads = append(s.plan.Heads, Head{Room: id, Seq: seq})
		}
	}
	s.planReactions()
	s.spend.add(s.plan)
	return s.plan
}

// admit refuses who may not be in the room at this moment, whatever the op is.
func admit(op *room.Op, found *Found) *protocol.Error {
	in, ok := found.Rooms[op.Room]
	if !ok {
		return ErrUnknownRoom
	}
	if ruleOf(op).unasked {
		return nil
	}
	if _, ok := found.Senders[senderOf(op)]; !ok || in.Trip != op.Trip {
		return protocol.ErrNotCollaborator
	}
	return nil
}

// settling is a Settle under way.
type settling struct {
	found  *Found
	plan   *Plan
	at     int                     // of the op that is being settled, in the batch
	heads  map[uuid.UUID]int64     // rooms whose number grew
	sent   map[ClientKey]uuid.UUID // keys used by messages of this batch
	state  map[uuid.UUID]state     // messages of this batch made or changed so far
	pinned map[uuid.UUID]int       // by how many the pinned messages of a room have grown; nil: none has
	marks  map[markOf]int          // marks of this batch, by index in the plan; nil: none
	spend  *spending

	tallies map[uuid.UUID]*tally // of messages; nil: none
	touched []*tally             // those of tallies
	answers map[uuid.UUID]int    // by how many the answers to a message have grown; nil: nowhere
	dues    map[room.DueSummary]struct{}

	follow bool // some op may refer to a message of this batch
}

// markOf is whose mark it is, and of what.
type markOf struct {
	column     MarkColumn
	room, user uuid.UUID
}

// state is where a message stands after the ops so far: the row that will be
// written is the one in rows[at].
type state struct {
	rows *[]*protocol.Message
	at   int
}

func (s state) message() *protocol.Message { return (*s.rows)[s.at] }

// insert stores a new message. It takes the room's next number.
func (s *settling) insert(op *room.Op, m *protocol.Message) result {
	m.Seq = s.next(op.Room)
	m.Rev = m.Seq
	s.plan.Inserts = append(s.plan.Inserts, m)
	if s.follow {
		s.state[m.ID] = state{rows: &s.plan.Inserts, at: len(s.plan.Inserts) - 1}
	}
	if op.ClientID != "" {
		s.sent[keyOf(op)] = m.ID
	}
	return result{outcome: room.Stored, seq: m.Seq, message: m}
}

// change replaces a message that is there by m. It takes the room's next number.
func (s *settling) change(op *room.Op, m *protocol.Message) result {
	m.Rev = s.next(op.Room)
	s.plan.RareUpdates = s.plan.RareUpdates || m.Extra != s.before(m.ID).Extra
	if st, ok := s.state[m.ID]; ok {
		(*st.rows)[st.at] = m
	} else {
		s.plan.Updates = append(s.plan.Updates, m)
		s.state[m.ID] = state{rows: &s.plan.Updates, at: len(s.plan.Updates) - 1}
	}
	s.plan.Changes = append(s.plan.Changes, Change{
		Room: op.Room, Seq: m.Rev, ID: op.Row, Kind: op.Kind, Message: m.ID, Actor: op.Sender.ID, At: op.At,
	})
	return result{outcome: room.Stored, seq: m.Rev, message: m}
}

// unchanged answers an op that asks for what is there already. It takes no number.
func (s *settling) unchanged(m *protocol.Message) result {
	s.plan.Confirms = true
	return result{outcome: room.Stored, message: m}
}

// mark stores a value of the op's sender, unless it is 0, which everybody has. It takes no
// number.
func (s *settling) mark(op *room.Op, column MarkColumn, value int64) result {
	done := result{outcome: room.Stored}
	if value <= 0 {
		return done
	}
	m := Mark{Column: column, Room: op.Room, User: op.Sender.ID, Value: value, At: op.At, op: s.at}
	at := markOf{column, m.Room, m.User}
	switch i, again := s.marks[at]; {
	case !again:
		if s.marks == nil {
			s.marks = make(map[markOf]int)
		}
		s.marks[at] = len(s.plan.Marks)
		s.plan.Marks = append(s.plan.Marks, m)
	case value > s.plan.Marks[i].Value:
		s.plan.Marks[i] = m
	}
	return done
}

// before returns a message that is there as it stands.
func (s *settling) before(id uuid.UUID) *protocol.Message {
	if m := s.present(id); m != nil {
		return m
	}
	return s.found.Messages[id]
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

// message returns a message of op's room that was asked for, as it stands now and for
// the rule to change: a copy. False where there is none.
func (s *settling) message(op *room.Op, id uuid.UUID) (protocol.Message, bool) {
	m := s.before(id)
	if m == nil || m.RoomID != op.Room || m.Seq < s.found.Rooms[op.Room].FirstSeq {
		return protocol.Message{}, false
	}
	return *s.fresh(m), true
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
	return NewReply(protocol.Reply{ID: m.ID, Content: m.Quoted(), SenderEmail: m.Sender.Email, Deleted: m.Deleted()})
}

// present returns a message that the batch made or changed, as it stands now.
func (s *settling) present(id uuid.UUID) *protocol.Message {
	if st, ok := s.state[id]; ok {
		return st.message()
	}
	return nil
}

// number is where a room stands after the ops so far.
func (s *settling) number(id uuid.UUID) int64 {
	if seq, grew := s.heads[id]; grew {
		return seq
	}
	return s.found.Rooms[id].Seq
}

func (s *settling) next(id uuid.UUID) int64 {
	seq := s.number(id) + 1
	s.heads[id] = seq
	return seq
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
