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

// hall is one room on one loop. It belongs to the loop; only Deliver, Rewound and
// Notify are called from elsewhere, and they post.
type hall struct {
	wing    *wing
	loop    *netpoll.Loop
	room    uuid.UUID
	trip    uuid.UUID
	last    int64 // every event up to this number has passed through here
	members netpoll.Topic
	joining map[*session]struct{} // waiting for their history
	ahead   map[*session]int64    // live, but their history has seen events, up to this number, that are still to pass
}

var _ room.Listener = (*hall)(nil)

// enter returns the room's hall on this loop. What a new one is told is posted
// to this loop, so nothing comes before Follow has said where it begins.
func (w *wing) enter(l *netpoll.Loop, r room.Info) *hall {
	if x := w.halls[r.ID]; x != nil {
		return x
	}
	x := &hall{wing: w, loop: l, room: r.ID, trip: r.TripID, joining: make(map[*session]struct{}), ahead: make(map[*session]int64)}
	w.halls[r.ID] = x
	x.last = w.h.svc.Follow(r.ID, r.Seq, x)
	return x
}

// leave takes a session out of its hall, and the hall out of the room when it
// was the last.
func (w *wing) leave(x *hall, s *session) {
	delete(x.joining, s)
	delete(x.ahead, s)
	x.members.Remove(s.conn)
	if x.members.Len()+len(x.joining)+len(x.ahead) == 0 {
		w.shut(x)
	}
}

// shut takes a hall out of the room, once.
func (w *wing) shut(x *hall) {
	if w.halls[x.room] == x {
		delete(w.halls, x.room)
		w.h.svc.Unfollow(x.room, x)
	}
}

// admit lets a session whose history says that it stands at seq hear what comes
// after that.
func (x *hall) admit(s *session, seq int64) {
	delete(x.joining, s)
	if seq > x.last {
		x.ahead[s] = seq
		return
	}
	x.members.Add(s.conn)
}

// Deliver implements room.Listener.
func (x *hall) Deliver(b *room.Batch) { x.loop.Post(func() { x.deliver(b) }) }

func (x *hall) deliver(b *room.Batch) {
	x.members.Send(b.Derive(frameBatch).(*netpoll.Payload))
	x.last = b.Last()
	for s := range x.joining {
		s.hold(b)
	}
	for s, seq := range x.ahead {
		if seq > x.last {
			continue
		}
		delete(x.ahead, s)
		if p := newerThan(b, seq); p != nil {
			s.conn.Send(p)
		}
		x.members.Add(s.conn)
	}
}

// Rewound implements room.Listener: the members come again, to a hall that begins
// anew.
func (x *hall) Rewound() {
	x.loop.Post(func() {
		x.wing.shut(x)
		x.all(func(s *session) { s.close(protocol.CloseRestart, "the room has changed, please come again") })
	})
}

// Notify implements room.Listener.
func (x *hall) Notify(n *room.Notice) {
	x.loop.Post(func() {
		p := netpoll.NewPayload(n.Frame)
		x.each(func(s *session) {
			if s.user.ID != n.User {
				s.conn.Send(p)
			}
		})
	})
}

// each calls f for the live sessions.
func (x *hall) each(f func(*session)) {
	x.members.Each(func(c *netpoll.Conn) bool {
		f(c.Session().(*session))
		return true
	})
	for s := range x.ahead {
		f(s)
	}
}

// all calls f for the live sessions and those that are joining.
func (x *hall) all(f func(*session)) {
	x.each(f)
	for s := range x.joining {
		f(s)
	}
}

// tick closes whose token has expired, and has rights checked again now and then.
func (w *wing) tick(l *netpoll.Loop, now time.Time) {
	unix := now.Unix()
	for _, x := range w.halls {
		x.all(func(s *session) {
			if s.expires <= unix {
				s.close(protocol.CloseUnauthorized, "the access token has expired")
			}
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
