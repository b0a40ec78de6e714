package persist

import (
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// editRule replaces the content of a message of the sender's own, of one with attachments their
// caption, which may be empty. To ask for the content that
// it has changes nothing, so that an edit may be sent twice.
var editRule = rule{screen: screenChange, ask: askMessageOf, settle: settleEdit}

func settleEdit(s *settling, op *room.Op) result {
	m, ok := s.message(op, op.MessageID)
	if op.Content == "" && (!ok || m.Extra == nil || len(m.Extra.Attachments) == 0) {
		return refused(protocol.ErrEmptyContent)
	}
	if !ok || m.Sender.ID != op.Sender.ID || m.Deleted() {
		return refused(protocol.ErrNotFound)
	}
	if m.Content == op.Content {
		return s.unchanged(&m)
	}
	if err := s.spend.take(op, int64(len(op.Content)-len(m.Content)), 0); err != nil {
		return refused(err)
	}
	m.Content, m.IsEdited, m.UpdatedAt = op.Content, true, later(m.UpdatedAt, op.At)
	return s.change(op, &m)
}
