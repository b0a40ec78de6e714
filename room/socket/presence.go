package socket

import (
	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/presence"
)

// presenceWatch is a room in which somebody on this loop watches who is there. It belongs to
// the loop.
type presenceWatch struct {
	seats map[*seat]struct{}
	told  *presence.Told // what they were told last; nil: nothing yet
}

// arrive notes that a seat is in its room, once.
func (x *subscription) arrive(t *seat) {
	if t.watches&present != 0 {
		return
	}
	t.watches |= present
	x.size.Add(1)
	if x.counted != nil && !x.counted.Arrive(t.session.user.ID()) {
		x.counted = nil
	}
}

// depart notes that it is there no more.
func (x *subscription) depart(t *seat) {
	if t.watches&present == 0 {
		return
	}
	t.watches &^= present
	x.size.Add(-1)
	if x.counted != nil {
		x.counted.Depart(t.session.user.ID())
	}
}

// Count implements room.MemberListener.
func (x *subscription) Count(r *presence.Room) room.Waker {
	x.loop.Queue(func() {
		if x.counted != r {
			x.counted = r
			x.all(func(t *seat) {
				if t.watches&present != 0 {
					r.Arrive(t.session.user.ID())
				}
			})
		}
		r.Counted()
	})
	return x.loop
}

// Members implements room.MemberListener.
func (x *subscription) Members() int { return int(x.size.Load()) }

// watchPresence has the seat told who is in its room from now on, as soon as that is known. False:
// it cannot be told.
func (t *seat) watchPresence() bool {
	s := t.session
	w := s.loop()
	p := w.presence[t.in]
	if p == nil {
		p = &presenceWatch{seats: make(map[*seat]struct{})}
		if w.presence == nil {
			w.presence = make(map[*subscription]*presenceWatch)
		}
		w.presence[t.in] = p
		if !s.h.svc.WatchPresence(t.in.room, t.in) {
			delete(w.presence, t.in)
			t.watches &^= watchesPresence
			return false
		}
	}
	if _, watches := p.seats[t]; !watches {
		p.seats[t] = struct{}{}
		s.h.presenceWatchers.Add(1)
	}
	return true
}

// tellPresence tells the seat who is in its room, where the others who watch have been told.
func (t *seat) tellPresence() {
	s := t.session
	if p := s.loop().presence[t.in]; p != nil && p.told != nil {
		s.may.Charge(allowance.ReadBytes, len(p.told.Whole), s.conn.Loop().Now())
		s.conn.SendText(p.told.Whole)
	}
}

// unwatchPresence ends that a seat is told who is in its room.
func (w *loopState) unwatchPresence(t *seat) {
	p := w.presence[t.in]
	if p == nil {
		return
	}
	if _, watches := p.seats[t]; watches {
		delete(p.seats, t)
		w.h.presenceWatchers.Add(-1)
	}
	if len(p.seats) == 0 {
		delete(w.presence, t.in)
		w.h.svc.UnwatchPresence(t.in.room, t.in)
	}
}

// TellPresence implements presence.Watcher.
func (x *subscription) TellPresence(told *presence.Told) presence.Waker {
	x.loop.Queue(func() {
		if p := x.state.presence[x]; p != nil {
			x.tellPresence(p, told)
		}
	})
	return x.loop
}

// tellPresence tells those who watch what has changed, or all where they have not been told
// what came before. What was on its way to those who watched before them is passed over.
func (x *subscription) tellPresence(p *presenceWatch, told *presence.Told) {
	frame := told.Whole
	switch {
	case p.told == nil:
	case told.Number <= p.told.Number:
		return
	case told.Prev == p.told.Number:
		frame = told.Change
	}
	p.told = told
	payload := netpoll.NewPayload(frame)
	for t := range p.seats {
		t.session.conn.Send(payload)
	}
	x.state.h.presenceTold.Add(int64(len(p.seats)))
}
