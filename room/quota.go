package room

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// overQuota counts what was not stored because a quota was used up. But for told and
// until it is safe for concurrent use.
type overQuota struct {
	room, user atomic.Int64 // the room was full; its sender had sent too many
	last       atomic.Pointer[quotaRefusal]

	// Of watch.
	told  time.Time // when the log said so last
	until int64     // refusals until then
}

// quotaRefusal is whose op was refused, and where.
type quotaRefusal struct{ room, user uuid.UUID }

// note counts an op that was refused, if that was because of a quota.
func (q *overQuota) note(op *Op) {
	var n *atomic.Int64
	switch op.Err {
	case protocol.ErrRoomQuota:
		n = &q.room
	case protocol.ErrUserQuota:
		n = &q.user
	default:
		return
	}
	q.last.Store(&quotaRefusal{op.Room, op.Sender.ID}) // before it is counted, for tell
	n.Add(1)
}

// tellOverQuota has the log say, now and then, that a quota is used up.
func (s *Service) tellOverQuota(now time.Time) {
	q := &s.stats.overQuota
	room, user := q.room.Load(), q.user.Load()
	if room+user == q.until || now.Sub(q.told) < busyLogEvery {
		return
	}
	last := q.last.Load()
	s.log.Warn("a quota is used up: messages were refused", "refusals", room+user-q.until, "room", last.room, "user", last.user)
	q.told, q.until = now, room+user
}
