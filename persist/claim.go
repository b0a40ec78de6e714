package persist

import (
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Claim is an upload that a new message takes: no other one may have it.
type Claim struct{ Attachment, Message uuid.UUID }

// screenAttachments refuses a list that no message may have.
func screenAttachments(all []protocol.Attachment) *protocol.Error {
	if len(all) > protocol.AttachmentsMax {
		return protocol.ErrInvalidAttachment
	}
	for i := range all {
		same := func(other protocol.Attachment) bool { return other.ID == all[i].ID }
		if slices.ContainsFunc(all[:i], same) {
			return protocol.ErrInvalidAttachment
		}
	}
	return nil
}

// attachments returns the uploads that a new message names, as they are stored, or refuses: those
// of another user or room, those that are not ready, and those that a message has.
func (s *settling) attachments(op *room.Op) ([]protocol.Attachment, *protocol.Error) {
	if op.Extra == nil || len(op.Extra.Attachments) == 0 {
		return nil, nil
	}
	all := make([]protocol.Attachment, len(op.Extra.Attachments))
	for i := range all {
		id := op.Extra.Attachments[i].ID
		a, ok := s.found.Attachments[id]
		taken := func(c Claim) bool { return c.Attachment == id }
		if !ok || a.State != room.AttachmentReady || a.Room != op.Room || a.Uploader != op.Sender.ID ||
			a.Message != uuid.Nil || slices.ContainsFunc(s.plan.Claims, taken) {
			return nil, protocol.ErrInvalidAttachment
		}
		all[i] = a.Attachment
	}
	return all, nil
}

// claim gives a new message its attachments.
func (s *settling) claim(m *protocol.Message, all []protocol.Attachment) {
	if len(all) == 0 {
		return
	}
	m.WithExtra(func(e *protocol.Extra) { e.Attachments = all })
	for i := range all {
		s.plan.Claims = append(s.plan.Claims, Claim{Attachment: all[i].ID, Message: m.ID})
	}
}
