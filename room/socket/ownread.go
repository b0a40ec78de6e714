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
	x.all(func(t *seat) {
		s := t.session
		if s.version < 2 {
			return
		}
		by, ok := of(s.user.ID)
		switch {
		case !ok, by.Via == any(t):
		case t.waiting != nil: // it is told with the history
			t.waiting.own.ReadSeq = max(t.waiting.own.ReadSeq, by.Seq)
		default:
			s.conn.SendText(protocol.AppendOwnRead(nil, x.room, by.Seq))
		}
	})
	if r := x.state.reads[x]; r != nil {
		r.note(n, x.state.h.svc.ReadsMembers())
		x.tellReads(r, x.loop.Now())
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
