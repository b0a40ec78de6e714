package persist

import (
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// deleteRule leaves of a message only its place. To delete one again changes nothing.
var deleteRule = rule{screen: screenChange, ask: askMessageOf, settle: settleDelete}

// askMessageOf asks for the message that an op is about.
func askMessageOf(l *Lookup, op *room.Op) { l.Messages = append(l.Messages, op.MessageID) }

func settleDelete(s *settling, op *room.Op) result {
	m, ok := s.message(op, op.MessageID)
	by, refusal := mayDelete(op, &m)
	switch {
	case !ok:
		return refused(protocol.ErrNotFound)
	case refusal != nil:
		return refused(refusal)
	case m.Deleted():
		return s.unchanged(&m)
	}
	if err := s.spend.take(op, -quotaBytes(m.Content, m.Extra), 0); err != nil {
		return refused(err)
	}
	if m.Pinned() {
		s.countPin(op.Room, false)
	}
	s.plan.Deletions = append(s.plan.Deletions, deletionOf(&m))
	s.answered(op, m.ReplyTo, -1)
	m.Content, m.UpdatedAt = "", later(m.UpdatedAt, op.At)
	m.WithExtra(func(e *protocol.Extra) {
		e.DeletedAt, e.DeletedBy = op.At, by
		*e = e.Tombstone()
	})
	return s.change(op, &m)
}

// mayDelete says as whom an op's sender may delete a message. Another's message is not
// there for who may not.
func mayDelete(op *room.Op, m *protocol.Message) (protocol.Deleter, *protocol.Error) {
	own, moderates := m.Sender.ID == op.Sender.ID, op.May.Has(protocol.MayModerate)
	switch {
	case own && (moderates || op.May.Has(protocol.MayDelete)):
		return protocol.DeletedBySender, nil
	case own:
		return "", protocol.ErrNotAllowed
	case moderates:
		return protocol.DeletedByModerator, nil
	}
	return "", protocol.ErrNotFound
}

// Deletion is a message of which all other rows go as well: its reactions, whom it
// mentions, and its attachments. They go after all that the batch adds.
type Deletion struct {
	Message   uuid.UUID
	Room      uuid.UUID
	Seq       int64
	Mentioned []uuid.UUID // users; zero: everybody
	Files     bool        // it has attachments: they are gone
}

func deletionOf(m *protocol.Message) Deletion {
	d := Deletion{Message: m.ID, Room: m.RoomID, Seq: m.Seq}
	if m.Extra != nil {
		d.Mentioned = mentioned(m.Extra)
		d.Files = len(m.Extra.Attachments) > 0
	}
	return d
}

// mentioned returns the users whose rows in chat_mentions a message has.
func mentioned(e *protocol.Extra) []uuid.UUID {
	if !e.MentionsAll {
		return e.Mentions
	}
	return append(e.Mentions[:len(e.Mentions):len(e.Mentions)], uuid.Nil)
}
