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

// remove deletes a message, and returns what is left; again it changes nothing. The code says
// why it may not be.
func (s *Server) remove(user, id uuid.UUID) (left *Message, code string) {
	r, at := s.find(id)
	own, by := r != nil && r.messages[at].Sender.ID == user, "sender"
	switch {
	case r != nil && s.excludes(r, user, true):
		return nil, "forbidden"
	case r == nil, !own && !s.may(user, "moderate"):
		return nil, "not_found"
	case !own:
		by = "moderator"
	case !s.may(user, "delete"):
		return nil, "not_allowed"
	}
	switch {
	case s.faults.KeepDeleted != nil && s.faults.KeepDeleted():
	case r.messages[at].DeletedAt == nil || (s.faults.DeleteAgain != nil && s.faults.DeleteAgain()):
		s.change(r, at, "deleted", func(m *Message, now time.Time) {
			if m.DeletedAt != nil {
				return
			}
			m.Content, m.Updated, m.DeletedAt, m.DeletedBy = deletedText, now, &now, by
			s.lose(m)
			m.PinnedAt, m.PinnedBy, m.Mentions, m.MentionsAll, m.Data = nil, "", nil, false, nil
		})
	}
	return r.quote(r.messages[at]), ""
}

// pinsMax is how many pinned messages a room may have.
const pinsMax = 50

// pin pins a message, or takes its pin away; again it changes nothing.
func (s *Server) pin(user, id uuid.UUID, on bool) (*Message, string) {
	r, at := s.find(id)
	switch {
	case r != nil && s.excludes(r, user, true):
		return nil, "forbidden"
	case !s.may(user, "pin"):
		return nil, "not_allowed"
	case r == nil || r.messages[at].DeletedAt != nil:
		return nil, "not_found"
	case on && r.messages[at].PinnedAt == nil && len(r.pinned()) >= pinsMax:
		return nil, "too_many_pins"
	}
	if (r.messages[at].PinnedAt != nil) != on {
		s.change(r, at, "pin", func(m *Message, now time.Time) {
			m.PinnedAt, m.PinnedBy = nil, ""
			if on {
				m.PinnedAt, m.PinnedBy = &now, user.String()
			}
		})
	}
	return r.quote(r.messages[at]), ""
}
