package room

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// MembersQuery asks for a page of the collaborators of a room's trip, by their ids.
type MembersQuery struct {
	User        uuid.UUID // who asks
	Room, After uuid.UUID // After: exclusive; zero: from the first
	Limit       int
}

// Member is one who may be in a room.
type Member struct {
	User     protocol.User
	Role     string    // empty: none that can be read
	LastSeen time.Time // when they were connected last; zero: not known
	Online   bool      // of an answer of the Service: they are in the room now
}

// MemberPage is a stretch of the list.
type MemberPage struct {
	Online  int // of an answer of the Service: how many users are in the room now
	Members []Member
	HasMore bool // after the last
}

// Members lists who may be in a room, and who is.
func (s *Service) Members(ctx context.Context, q MembersQuery) (MemberPage, error) {
	p, err := bulk(ctx, s.bulk, q.User, func(ctx context.Context) (MemberPage, error) { return s.store.Members(ctx, q) })
	if err != nil {
		return p, err
	}
	s.charge(q.User, readCost(0, 1+len(p.Members)))
	ids := make([]uuid.UUID, len(p.Members))
	for i := range p.Members {
		ids[i] = p.Members[i].User.ID
	}
	online, here, err := s.presence.Who(ctx, q.Room, ids)
	if err != nil {
		return MemberPage{}, unavailable(err)
	}
	p.Online = online
	for i := range p.Members {
		m := &p.Members[i]
		if m.Online = here[i]; !s.cfg.LastSeen {
			m.LastSeen = time.Time{}
		}
	}
	return p, nil
}

// setOnline says of rooms how many users are in them, where that is known now.
func (s *Service) setOnline(p *RoomPage) {
	for i := range p.Rooms {
		r := &p.Rooms[i]
		r.Online, r.OnlineKnown = s.presence.Online(r.ID)
	}
}
