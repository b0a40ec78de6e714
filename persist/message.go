package persist

import (
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// messageRule stores a new message, once for each client_id.
var messageRule = rule{screen: screenMessage, ask: askMessage, settle: settleMessage}

// typeBytesMax is the width of message_type in an adopted database.
const typeBytesMax = 20

func screenMessage(op *room.Op) *protocol.Error {
	switch {
	case op.MessageID == uuid.Nil:
		return protocol.ErrInternal
	case !storable(string(op.Type)), op.Type == "", len(op.Type) > typeBytesMax:
		return protocol.ErrInvalidType
	case !storable(op.ClientID), utf8.RuneCountInString(op.ClientID) > protocol.ClientIDRunesMax:
		return protocol.ErrInvalidClient
	}
	return screenExtra(op.Extra)
}

// screenExtra refuses what a new message may not have.
func screenExtra(e *protocol.Extra) *protocol.Error {
	switch {
	case e == nil:
		return nil
	case len(e.Mentions) > protocol.MentionsMax, slices.Contains(e.Mentions, uuid.Nil):
		return protocol.ErrInvalidMention
	case !protocol.StorableData(e.Data):
		return protocol.ErrInvalidData
	}
	return screenAttachments(e.Attachments)
}

func askMessage(l *Lookup, op *room.Op) {
	if op.ClientID != "" {
		l.Keys = append(l.Keys, keyOf(op))
	}
	if op.ReplyTo != uuid.Nil {
		l.Originals = append(l.Originals, op.ReplyTo)
	}
	if op.Extra != nil {
		for _, user := range op.Extra.Mentions {
			l.Senders = append(l.Senders, Sender{Trip: op.Trip, User: user})
		}
		for i := range op.Extra.Attachments {
			l.Attachments = append(l.Attachments, op.Extra.Attachments[i].ID)
		}
	}
}

func settleMessage(s *settling, op *room.Op) result {
	if op.ClientID != "" {
		if known := s.known(keyOf(op)); known != nil {
			return result{outcome: room.Duplicate, message: known}
		}
	}
	m := &protocol.Message{
		ID: op.MessageID, RoomID: op.Room, Sender: op.Sender,
		Content: op.Content, Type: op.Type,
		CreatedAt: op.At, UpdatedAt: op.At,
		ClientID: op.ClientID, Extra: op.Extra,
	}
	if op.ReplyTo != uuid.Nil {
		if m.ReplyTo = s.reply(op); m.ReplyTo == nil {
			return refused(protocol.ErrInvalidReply)
		}
	}
	if err := s.mayMention(op); err != nil {
		return refused(err)
	}
	attachments, err := s.attachments(op)
	if err != nil {
		return refused(err)
	}
	if err := s.spend.take(op, quotaBytes(op.Content, op.Extra), 1); err != nil {
		return refused(err)
	}
	s.claim(m, attachments)
	s.answered(op, m.ReplyTo, 1)
	done := s.insert(op, m)
	if op.Extra != nil {
		for _, user := range mentioned(op.Extra) {
			s.plan.Mentions = append(s.plan.Mentions, Mention{User: user, Room: op.Room, Seq: m.Seq})
		}
	}
	return done
}

// mayMention refuses mentions of who is no collaborator.
func (s *settling) mayMention(op *room.Op) *protocol.Error {
	if op.Extra == nil {
		return nil
	}
	for _, user := range op.Extra.Mentions {
		if _, ok := s.found.Senders[Sender{Trip: op.Trip, User: user}]; !ok {
			return protocol.ErrInvalidMention
		}
	}
	if op.Extra.MentionsAll && !op.May.Has(protocol.MayMentionAll) {
		return protocol.ErrNotAllowed
	}
	return nil
}

// IsPlainMessage reports whether a batch is one new message that refers to no
// other and has no Extra: one row, and nothing to find out that its own statement cannot.
func IsPlainMessage(batch []*room.Op) bool {
	return len(batch) == 1 && batch[0].Kind == protocol.KindMessage && batch[0].ReplyTo == uuid.Nil && batch[0].Extra == nil
}

// reply returns the short form of op's original, or nil if that is no message
// of op's room, or a deleted one.
func (s *settling) reply(op *room.Op) *protocol.Reply {
	if m := s.present(op.ReplyTo); m != nil {
		if m.RoomID != op.Room || m.Deleted() {
			return nil
		}
		return replyTo(m)
	}
	original, ok := s.found.Originals[op.ReplyTo]
	if !ok || original.Room != op.Room || original.Seq < s.found.Rooms[op.Room].FirstSeq || original.Reply.Deleted {
		return nil
	}
	return &original.Reply
}
