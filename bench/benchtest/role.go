package benchtest

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// SetRole gives a user a role in all trips, and tells it: an organizer may all, a visitor
// nothing, everybody else what is usual.
func (s *Server) SetRole(user uuid.UUID, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[user] = role
	for _, r := range s.rooms {
		for m := range r.members {
			if m.user == user && m.v2 {
				m.tellRole()
			}
		}
	}
}

// SetMember says whether a user is a member of a trip. Who is none any more is sent away.
func (s *Server) SetMember(trip, user uuid.UUID, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		delete(s.strangers, stranger{trip, user})
		return
	}
	s.strangers[stranger{trip, user}] = true
	for m := range s.room(trip).members {
		if m.user == user && (s.faults.KeepStrangers == nil || !s.faults.KeepStrangers(false)) {
			m.sendAway(4003)
		}
	}
}

// stranger is a user who is no member of a trip.
type stranger struct{ trip, user uuid.UUID }

// excludes reports whether a user may not be in a room, and act there.
func (s *Server) excludes(r *room, user uuid.UUID, acts bool) bool {
	return s.strangers[stranger{r.id, user}] && (s.faults.KeepStrangers == nil || !s.faults.KeepStrangers(acts))
}

func (m *session) tellRole() {
	role := m.server.roleOf(m.user)
	m.write(mustJSON(map[string]any{"type": "own", "v": 2, "chat_room_id": m.room.id, "read_seq": m.room.marks[m.user], "role": role, "permissions": permissions(role)}))
}

func (s *Server) roleOf(user uuid.UUID) string {
	if role, given := s.roles[user]; given {
		return role
	}
	return "member"
}

func permissions(role string) []string {
	all := []string{"send", "edit", "delete", "react", "pin", "upload", "mention_all", "moderate"}
	switch {
	case role == "organizer":
		return all
	case strings.HasPrefix(role, "visitor"):
		return all[:0]
	}
	return all[:6]
}

func (s *Server) may(user uuid.UUID, permission string) bool {
	return slices.Contains(permissions(s.roleOf(user)), permission) || (s.faults.MayAll != nil && s.faults.MayAll())
}

// Pinned returns the messages that are pinned.
func (s *Server) Pinned() (ids []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		for _, m := range r.pinned() {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// pinned returns a room's pinned messages, the latest pin first.
func (r *room) pinned() (all []*Message) {
	for _, m := range r.messages {
		if m.PinnedAt != nil {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *Message) int { return b.PinnedAt.Compare(*a.PinnedAt) })
	return all
}

// Mentions calls f for each mention; the user is zero where all are mentioned.
func (s *Server) Mentions(f func(room uuid.UUID, seq int64, user string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		for _, m := range r.messages {
			for _, user := range m.Mentions {
				f(r.id, m.Seq, user)
			}
			if m.MentionsAll {
				f(r.id, m.Seq, uuid.Nil.String())
			}
		}
	}
}
