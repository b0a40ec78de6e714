package socket

import (
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// readBy tells members who have read further by another of their connections, and those who
// watch the room. A mark is told to nobody else.
func (x *subscription) readBy(n *room.Notice) {
	of := readsOf(n.Reads)
	x.each(func(s *session) {
		if s.version < 2 {
			return
		}
		if by, ok := of(s.user.ID()); ok {
			s.seatIn(x).heardOf(by)
		}
	})
	for t := range x.joining {
		if by, ok := of(t.session.user.ID()); ok {
			t.heardOf(by)
		}
	}
	if r := x.state.reads[x]; r != nil {
		r.note(n, x.state.h.svc.ReadsMembers())
		x.tellReads(r, x.loop.Now())
	}
}

// heardOf takes how far the user has read. A client knows by itself what it has marked.
func (t *seat) heardOf(by room.ReadBy) {
	if by.Via == any(t) {
		t.read = max(t.read, by.Seq)
		return
	}
	t.readTo(by.Seq)
}

// readTo notes how far the user has read, and tells a client of version 2 that does not know.
// One whose history is still to come is told with that.
func (t *seat) readTo(seq int64) {
	if t.session.version < 2 || seq <= t.read {
		return
	}
	t.read = seq
	if t.state == live {
		t.session.conn.SendText(protocol.AppendOwnRead(nil, t.in.room, seq))
	}
}

// readsOf returns what finds a user's mark among some. A user may have several in one notice
// of another node: then the greatest counts.
func readsOf(reads []room.ReadBy) func(uuid.UUID) (room.ReadBy, bool) {
	if len(reads) == 1 {
		return func(user uuid.UUID) (room.ReadBy, bool) { return reads[0], reads[0].User == user }
	}
	of := make(map[uuid.UUID]room.ReadBy, len(reads))
	for _, by := range reads {
		if by.Seq > of[by.User].Seq {
			of[by.User] = by
		}
	}
	return func(user uuid.UUID) (by room.ReadBy, ok bool) {
		by, ok = of[user]
		return by, ok
	}
}
