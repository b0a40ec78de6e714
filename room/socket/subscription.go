package socket

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/presence"
)

// loopState is what one loop knows: its rooms. It belongs to the loop.
type loopState struct {
	h         *Handler
	rooms     map[uuid.UUID]*subscription
	rechecked time.Time   // when rights were last checked again
	checking  bool        // such a check is under way
	round     int         // how many there were
	until     room.Moment // up to which changes of rights were asked for
	allAsked  time.Time   // when all rights were
	doubted   []*seat     // whose rights are to be checked next, each once
	tokensDue int64       // Unix seconds; before that no token needs a look
	reads     map[*subscription]*readsWatch
	presence  map[*subscription]*presenceWatch

	users map[*session]struct{} // of user sockets

	stages stages
}

func newLoopState(h *Handler) *loopState {
	return &loopState{h: h, rooms: make(map[uuid.UUID]*subscription), users: make(map[*session]struct{}), stages: stages{observer: h.cfg.Observer}}
}

// subscription is one room on one loop. It belongs to the loop; only Deliver, Rewound and
// Notify are called from elsewhere, and they post.
type subscription struct {
	state *loopState
	loop  *netpoll.Loop
	room  uuid.UUID
	trip  uuid.UUID
	// settings are the room's, as of the last look at somebody's rights. Who waits for a
	// history gets it with those.
	settings protocol.RoomSettings
	last     int64 // every event up to this number has passed through here
	members  netpoll.Topic
	joining  map[*seat]struct{} // waiting for their history
	ahead    map[*seat]int64    // live, but their history has seen events, up to this number, that are still to pass
	size     atomic.Int32       // seats that are or were live; only the loop changes it
	missed   atomic.Bool        // notices may have been missed since the last round of checks
	counted  *presence.Room     // where somebody wants to know who they are
}

var _ room.MemberListener = (*subscription)(nil)

// enter returns the room's subscription on this loop. What a new one is told is posted
// to this loop, so nothing comes before Follow has said where it begins.
func (w *loopState) enter(l *netpoll.Loop, r room.Info) *subscription {
	if x := w.rooms[r.ID]; x != nil {
		x.settings = r.RoomSettings
		return x
	}
	x := &subscription{state: w, loop: l, room: r.ID, trip: r.TripID, settings: r.RoomSettings, joining: make(map[*seat]struct{}), ahead: make(map[*seat]int64)}
	w.rooms[r.ID] = x
	x.last = w.h.svc.Follow(r.ID, r.Seq, x)
	return x
}

// told is what clients are told of the room.
func (x *subscription) told() protocol.RoomInfo {
	return protocol.RoomInfo{Room: x.room, Trip: x.trip, RoomSettings: x.settings}
}

// leave takes a seat out of its subscription, and the subscription out of the room when it
// was the last.
func (w *loopState) leave(x *subscription, t *seat) {
	delete(x.joining, t)
	delete(x.ahead, t)
	x.members.Remove(t.session.conn)
	x.depart(t)
	w.unwatch(t)
	w.unwatchPresence(t)
	if x.members.Len()+len(x.joining)+len(x.ahead) == 0 {
		w.shut(x)
	}
}

// shut takes a subscription out of the room, once.
func (w *loopState) shut(x *subscription) {
	if w.rooms[x.room] == x {
		delete(w.rooms, x.room)
		w.h.svc.Unfollow(x.room, x)
	}
}

// admit lets a seat whose history says that it stands at seq hear what comes
// after that.
func (x *subscription) admit(t *seat, seq int64) {
	delete(x.joining, t)
	x.arrive(t)
	if seq > x.last {
		x.ahead[t] = seq
		return
	}
	x.members.Add(t.session.conn)
}

// Deliver implements room.Listener.
func (x *subscription) Deliver(b *room.Batch) room.Waker {
	x.loop.Queue(func() { x.deliver(b) })
	return x.loop
}

func (x *subscription) deliver(b *room.Batch) {
	x.tell(b)
	x.state.stages.note(x.loop, b)
	x.last = b.Last()
	for t := range x.joining {
		t.hold(b)
	}
	for t, seq := range x.ahead {
		if seq > x.last {
			continue
		}
		delete(x.ahead, t)
		t.session.sendNewer(b, seq)
		x.members.Add(t.session.conn)
	}
}

// tell sends a batch to the members, who are asked for their version only where that matters.
func (x *subscription) tell(b *room.Batch) {
	switch p := b.Derive(form, frameBatch).(type) {
	case *netpoll.Payload:
		x.members.Send(p)
	case *byVersion:
		x.members.Each(func(c *netpoll.Conn) bool {
			c.Send(p.of(c.Session().(*session).version))
			return true
		})
	}
}

// Rewound implements room.Listener: the members are told to forget what they have,
// and come again to a subscription that begins anew. A user socket stays.
func (x *subscription) Rewound() room.Waker {
	x.loop.Queue(func() {
		x.state.shut(x)
		rewound := netpoll.NewPayload(protocol.AppendRewound(nil, protocol.RoomInfo{Room: x.room, Trip: x.trip}))
		x.all(func(t *seat) {
			t.session.conn.Send(rewound)
			t.end(protocol.CloseRestart, "the room has changed, please come again")
		})
	})
	return x.loop
}

// Notify implements room.Listener.
func (x *subscription) Notify(n *room.Notice) room.Waker {
	x.loop.Queue(func() {
		if n.Kind == protocol.KindRead {
			x.readBy(n)
			return
		}
		p := netpoll.NewPayload(n.Frame)
		x.each(func(s *session) {
			if s.user.ID() != n.User {
				s.conn.Send(p)
			}
		})
	})
	return x.loop
}

// Missed implements room.MemberListener: the next round asks about all, as the user's own mark may
// have been among what was missed. The loop is not told: where Redis is back, all rooms at once are meant.
func (x *subscription) Missed() {
	x.missed.Store(true)
}

// each calls f for the sessions with a live seat.
func (x *subscription) each(f func(*session)) {
	x.members.Each(func(c *netpoll.Conn) bool {
		f(c.Session().(*session))
		return true
	})
	for t := range x.ahead {
		f(t.session)
	}
}

// all calls f for the live seats and those that are joining.
func (x *subscription) all(f func(*seat)) {
	x.each(func(s *session) { f(s.seatIn(x)) })
	for t := range x.joining {
		f(t)
	}
}

// lookAtTokens looks at those of all members, and when that is due again.
func (w *loopState) lookAtTokens(unix int64) {
	w.tokensDue = math.MaxInt64
	look := func(s *session) {
		if s.tick(unix); s.state == open {
			w.tokensDue = min(w.tokensDue, s.due())
		}
	}
	alone := func(s *session) {
		if s.seats == nil { // a user socket may be in many rooms, and in none
			look(s)
		}
	}
	for _, x := range w.rooms {
		x.each(alone)
		for t := range x.joining {
			alone(t.session)
		}
	}
	for s := range w.users {
		look(s)
	}
}

// tick closes whose token has expired, has histories go on that wait for something else than
// their client, and rights checked again now and then.
func (w *loopState) tick(l *netpoll.Loop, now time.Time) {
	if unix := now.Unix(); unix >= w.tokensDue {
		w.lookAtTokens(unix)
	}
	for s := range w.users {
		s.sendHistories()
	}
	for x, r := range w.reads {
		x.tellReads(r, now)
	}
	if w.rechecked.IsZero() {
		// The loops take turns.
		w.rechecked = now.Add(-w.h.cfg.RecheckEvery * time.Duration(l.Index()) / time.Duration(len(w.h.loops)))
	}
	if !w.checking && now.Sub(w.rechecked) >= w.h.cfg.RecheckEvery && len(w.rooms)+len(w.users) > 0 {
		w.rechecked = now
		w.recheck(l)
	}
}
