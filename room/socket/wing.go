package socket

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// wing is what one loop knows: its halls. It belongs to the loop.
type wing struct {
	h         *Handler
	halls     map[uuid.UUID]*hall
	rechecked time.Time // when rights were last checked again
	checking  bool      // such a check is under way
}

func newWing(h *Handler) *wing { return &wing{h: h, halls: make(map[uuid.UUID]*hall)} }

// hall is one room on one loop: the members who hear its events, and those who
// wait for their history. It belongs to the loop; only Deliver and Typing are
// called from elsewhere, and they post.
type hall struct {
	loop    *netpoll.Loop
	room    uuid.UUID
	trip    uuid.UUID
	members netpoll.Topic
	joining map[*session]struct{}
}

var _ room.Listener = (*hall)(nil)

// enter returns the room's hall on this loop. A new one follows the room from
// the number that it had when its first session was let in.
func (w *wing) enter(l *netpoll.Loop, r room.Info) *hall {
	if x := w.halls[r.ID]; x != nil {
		return x
	}
	x := &hall{loop: l, room: r.ID, trip: r.TripID, joining: make(map[*session]struct{})}
	w.halls[r.ID] = x
	w.h.svc.Follow(r.ID, r.Seq, x)
	return x
}

// leave takes a connection out of a hall, and the hall out of the room when it
// was the last.
func (w *wing) leave(x *hall, c *netpoll.Conn) {
	x.members.Remove(c)
	if x.members.Len() == 0 && len(x.joining) == 0 && w.halls[x.room] == x {
		delete(w.halls, x.room)
		w.h.svc.Unfollow(x.room, x)
	}
}

// Deliver implements room.Listener.
func (x *hall) Deliver(b *room.Batch) {
	x.loop.Post(func() {
		x.members.Send(b.Derive(frameBatch).(*netpoll.Payload))
		for s := range x.joining {
			s.hold(b)
		}
	})
}

// Typing implements room.Listener.
func (x *hall) Typing(_, user uuid.UUID, frame []byte) {
	x.loop.Post(func() {
		p := netpoll.NewPayload(frame)
		x.members.Each(func(c *netpoll.Conn) bool {
			if c.Session().(*session).user.ID != user {
				c.Send(p)
			}
			return true
		})
	})
}

// tick closes whose token has expired, and has rights checked again now and then.
func (w *wing) tick(l *netpoll.Loop, now time.Time) {
	unix := now.Unix()
	for _, x := range w.halls {
		x.members.Each(func(c *netpoll.Conn) bool {
			if s := c.Session().(*session); s.expires <= unix {
				s.close(protocol.CloseUnauthorized, "the access token has expired")
			}
			return true
		})
	}
	if w.rechecked.IsZero() {
		// The loops take turns.
		w.rechecked = now.Add(-w.h.cfg.RecheckEvery * time.Duration(l.Index()) / time.Duration(len(w.h.wings)))
	}
	if !w.checking && now.Sub(w.rechecked) >= w.h.cfg.RecheckEvery && len(w.halls) > 0 {
		w.rechecked = now
		w.recheck(l)
	}
}
