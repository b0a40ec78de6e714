package socket

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// watching is what a seat has asked to be told besides: bits.
type watching uint8

const (
	watchesPresence watching = 1 << iota
	watchesReads
	asksReads // who has read how far is being looked up for it
	present   // it counts among its room's members
)

// readsEvery is how often at most those who watch a room are told who has read how far.
const readsEvery = time.Second

// readsWholeEvery is after how long, where there is something to tell, all is looked up anew:
// another node's notice may have been lost, and the trip may have grown.
const readsWholeEvery = time.Minute

// readsWatch is a room in which somebody on this loop watches who has read how far. It
// belongs to the loop.
type readsWatch struct {
	seats  map[*seat]struct{}
	few    bool                // the trip is small enough, as of the last look
	looked time.Time           // when that was; zero: the first one is under way
	asking bool                // a further look is under way, for all seats
	whole  bool                // something was missed, or the trip is large: the next look is due
	fresh  map[uuid.UUID]int64 // what they were not told yet; at most as many as a small trip has collaborators
	told   time.Time           // when they were told last
}

// watch takes what a client asks to be told in a room. Clients of version 1 are told nothing
// that they do not know.
func (t *seat) watch(in *protocol.Intent) {
	s := t.session
	if s.version < 2 {
		return
	}
	asks := in.Presence || in.Reads && t.watches&asksReads == 0 && s.h.svc.ReadsMembers() > 0
	if asks && !s.mayAsk(1) {
		s.refuse(protocol.ErrRateLimited, in.ClientID, t.place())
		return
	}
	t.watches &= asksReads | present
	if s.seats != nil {
		delete(s.seats.toWatch, t)
	}
	if in.Presence {
		t.watches |= watchesPresence
	}
	if in.Reads {
		t.watches |= watchesReads
	}
	switch {
	case in.Presence && t.state == live && !t.watchPresence():
		s.refuse(protocol.ErrPresenceUnknown, in.ClientID, t.place())
	case in.ClientID != "":
		s.conn.SendText(protocol.AppendAck(nil, t.in.room, in.ClientID))
	}
	if !in.Reads {
		s.loop().unwatch(t)
	}
	if !in.Presence {
		s.loop().unwatchPresence(t)
	}
	switch {
	case !in.Reads && !in.Presence:
	case t.state != live: // only a user socket's
		if s.seats.toWatch == nil {
			s.seats.toWatch = make(map[*seat]string)
		}
		s.seats.toWatch[t] = in.ClientID
	default:
		t.beginToWatch(in.ClientID)
	}
}

// watchAtLast begins to watch for a seat that asked for it before it had its history.
func (t *seat) watchAtLast() {
	of := t.session.seats.toWatch
	if clientID, asked := of[t]; asked {
		delete(of, t)
		t.beginToWatch(clientID)
	}
}

// beginToWatch has the seat told what it asked for. A refusal has the client_id.
func (t *seat) beginToWatch(clientID string) {
	switch {
	case t.watches&watchesPresence == 0:
	case t.watchPresence():
		t.tellPresence()
	default:
		t.session.refuse(protocol.ErrPresenceUnknown, clientID, t.place())
	}
	if t.watches&watchesReads != 0 {
		t.watchReads(clientID)
	}
}

// watchReads has the seat told who has read how far: all of it now, then what changes. A
// refusal has the client_id.
func (t *seat) watchReads(clientID string) {
	s := t.session
	if s.h.svc.ReadsMembers() <= 0 {
		return
	}
	w := s.loop()
	r := w.reads[t.in]
	if r == nil {
		if w.reads == nil {
			w.reads = make(map[*subscription]*readsWatch)
		}
		r = &readsWatch{seats: make(map[*seat]struct{})}
		w.reads[t.in] = r
	}
	if _, watches := r.seats[t]; !watches {
		r.seats[t] = struct{}{}
		s.h.watchers.Add(1)
	}
	if t.watches&asksReads != 0 {
		return
	}
	t.watches |= asksReads
	loop, in := s.conn.Loop(), t.in
	s.h.svc.FewReads(in.room, nil, func(few room.FewReads, err error) {
		loop.Post(func() { t.gotReads(in, clientID, few, err) })
	})
}

// gotReads takes who has read how far when the seat began to watch.
func (t *seat) gotReads(in *subscription, clientID string, few room.FewReads, err error) {
	s := t.session
	t.watches &^= asksReads
	r := s.loop().reads[in]
	if t.in != in || t.watches&watchesReads == 0 || r == nil {
		return
	}
	if err != nil {
		t.watches &^= watchesReads
		s.loop().unwatch(t)
		s.refuse(protocol.ErrReadsUnread, clientID, t.place())
		return
	}
	r.few, r.looked = few.Few, s.conn.Loop().Now()
	if few.Few {
		s.may.Charge(allowance.ReadBytes, len(few.Frame), r.looked)
		s.conn.SendText(few.Frame)
	}
}

// unwatch ends that a seat is told who has read how far.
func (w *loopState) unwatch(t *seat) {
	r := w.reads[t.in]
	if r == nil {
		return
	}
	if _, watches := r.seats[t]; watches {
		delete(r.seats, t)
		w.h.watchers.Add(-1)
	}
	if len(r.seats) == 0 {
		delete(w.reads, t.in)
	}
}

// note takes who has read further.
func (r *readsWatch) note(n *room.Notice, most int) {
	r.whole = r.whole || n.Missed || r.large()
	for _, by := range n.Reads {
		if r.whole {
			break // it is looked up
		}
		if r.fresh == nil {
			r.fresh = make(map[uuid.UUID]int64)
		}
		r.fresh[by.User] = max(r.fresh[by.User], by.Seq)
		r.whole = len(r.fresh) > most
	}
	if r.whole {
		r.fresh = nil
	}
}

// large reports whether the trip was not small when it was looked at: nobody is told.
func (r *readsWatch) large() bool { return !r.looked.IsZero() && !r.few }

// tellReads tells those who watch the room what they do not know yet, if it is time. While
// the loops do not keep up that waits, and grows no more than r.fresh may.
func (x *subscription) tellReads(r *readsWatch, now time.Time) {
	switch {
	case !r.whole && len(r.fresh) == 0, r.looked.IsZero(), r.asking, now.Sub(r.told) < readsEvery, x.state.h.svc.Congested():
		return
	case r.large() && now.Sub(r.looked) < readsWholeEvery: // whether it still is, is looked up then
		r.whole, r.fresh = true, nil
		return
	case r.whole, now.Sub(r.looked) >= readsWholeEvery:
		x.lookUpReads(r)
		return
	}
	marks := make([]protocol.ReadMark, 0, len(r.fresh))
	for user, seq := range r.fresh {
		marks = append(marks, protocol.ReadMark{User: user, Seq: seq})
	}
	x.sendReads(r, protocol.AppendReads(nil, x.room, marks), now)
	r.fresh = nil
}

// lookUpReads tells those who watch the room all there is, once it is read. What is read
// meanwhile is told next.
func (x *subscription) lookUpReads(r *readsWatch) {
	r.asking, r.whole, r.fresh = true, false, nil
	x.state.h.svc.FewReads(x.room, nil, func(few room.FewReads, err error) {
		x.loop.Post(func() {
			now := x.loop.Now()
			r.asking, r.looked = false, now
			switch {
			case err != nil:
				r.whole, r.told = true, now // again in a while
			case few.Few:
				r.few = true
				x.sendReads(r, few.Frame, now)
			default:
				r.few = false
			}
		})
	})
}

func (x *subscription) sendReads(r *readsWatch, frame []byte, now time.Time) {
	r.told = now
	p := netpoll.NewPayload(frame)
	for t := range r.seats {
		t.session.conn.Send(p)
	}
	x.state.h.readsTold.Add(int64(len(r.seats)))
}
