package benchtest

import (
	"time"

	"github.com/google/uuid"
)

// deletedText is what a deleted message says.
const deletedText = "This message was deleted"

func (r *room) isDeleted(id uuid.UUID) bool {
	for _, m := range r.messages {
		if m.ID == id {
			return m.DeletedAt != nil
		}
	}
	return false
}

// remove deletes a message of the user's; again it changes nothing.
func (s *Server) remove(user, id uuid.UUID) bool {
	r, at := s.find(id)
	if r == nil || r.messages[at].Sender.ID != user {
		return false
	}
	switch {
	case s.faults.KeepDeleted != nil && s.faults.KeepDeleted():
	case r.messages[at].DeletedAt == nil || (s.faults.DeleteAgain != nil && s.faults.DeleteAgain()):
		s.change(r, at, "deleted", func(m *Message, now time.Time) {
			if m.DeletedAt != nil {
				return
			}
			m.Content, m.Updated, m.DeletedAt, m.DeletedBy = deletedText, now, &now, "sender"
			m.PinnedAt, m.PinnedBy, m.Mentions, m.Data = nil, "", nil, nil
		})
	}
	return true
}

// pin pins a message, or takes its pin away; again it changes nothing.
func (s *Server) pin(user, id uuid.UUID, on bool) bool {
	r, at := s.find(id)
	if r == nil || r.messages[at].DeletedAt != nil {
		return false
	}
	if (r.messages[at].PinnedAt != nil) != on {
		s.change(r, at, "pin", func(m *Message, now time.Time) {
			m.PinnedAt, m.PinnedBy = nil, ""
			if on {
				m.PinnedAt, m.PinnedBy = &now, user.String()
			}
		})
	}
	return true
}
