package socket

import (
	"unique"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// noRoom is the id of what is not about one room.
var noRoom uuid.UUID

// subscribe asks whether the user may enter the rooms that the client names. Nothing else of
// the client is looked at until that is known, so what it sends behind is about rooms that it
// has. As an entry does, each room counts as a read; for the bytes its history waits in line.
func (s *session) subscribe(f *protocol.Frame) *protocol.Error {
	m, rooms := s.seats, f.Rooms
	switch {
	case len(m.all)+s.further(rooms) > s.h.limits.Load().RoomsPerConnection:
		return protocol.ErrTooManyRooms
	case len(m.line)+len(rooms) > s.h.limits.Load().RoomsPerConnection+protocol.SubscribeRoomsMax: // the same ones, again and again
		return protocol.ErrRateLimited
	case len(rooms) > 0 && !s.mayAsk(len(rooms)):
		return protocol.ErrRateLimited
	}
	var places []uuid.UUID
	for i := range rooms {
		if id := rooms[i].Place.ID; id != noRoom {
			places = append(places, id)
		}
	}
	clientID := f.ClientID
	if len(places) == 0 {
		s.subscribed(rooms, clientID, nil, nil)
		return nil
	}
	m.asking = true
	loop := s.conn.Loop()
	s.h.svc.AccessAll(s.user.ID(), places, func(answers []room.Access, errs []error) {
		loop.Post(func() { s.subscribed(rooms, clientID, answers, errs) })
	})
	return nil
}

// further counts the rooms that are not subscribed yet, each once. Those that cannot be there
// count as well.
func (s *session) further(rooms []protocol.RoomAsked) (n int) {
	for i := range rooms {
		p := &rooms[i].Place
		known := s.seatAt(p) != nil
		for j := 0; j < i && !known; j++ {
			known = rooms[j].Place == *p
		}
		if !known {
			n++
		}
	}
	return n
}

// mayAsk counts n reads of the user, or says that there were too many before.
func (s *session) mayAsk(n int) bool {
	if s.h.svc.MayAsk(s.user.ID()) > 0 {
		return false
	}
	s.may.Charge(allowance.Reads, n-1, s.conn.Loop().Now())
	return true
}

// subscribed gives the client a seat in each room that it may enter, or tells it why not.
// Answers are about the rooms that can be there at all.
func (s *session) subscribed(rooms []protocol.RoomAsked, clientID string, answers []room.Access, errs []error) {
	if s.state != open {
		return
	}
	s.seats.asking = false
	o := &order{clientID, len(rooms) + 1}
	for i := range rooms {
		asked := &rooms[i]
		if asked.Place.ID == noRoom {
			s.refuseSeat(&asked.Place, o, protocol.CloseForbidden, "no such room")
			continue
		}
		a, err := &answers[0], errs[0]
		answers, errs = answers[1:], errs[1:]
		switch {
		case err != nil, s.h.svc.Superseded(a.Room.Timeline):
			s.refuseSeat(&asked.Place, o, protocol.CloseInternal, "cannot let you in now, please try again")
		case !a.UserKnown:
			s.close(protocol.CloseUnauthorized, "the user is not known any more")
			return
		case !a.Allowed:
			s.refuseSeat(&asked.Place, o, protocol.CloseForbidden, "not a collaborator of this trip")
		default:
			s.wish(asked, a, o)
		}
	}
	o.answered(s) // of none, if there are none
	s.conn.Resume()
	s.sendHistories()
}

// refuseSeat answers that a room cannot be subscribed. Who was in it is not any more.
func (s *session) refuseSeat(p *protocol.Place, o *order, code protocol.CloseCode, reason string) {
	if t := s.seatAt(p); t != nil {
		t.dismissAs([]protocol.Place{*p}, code, reason)
	} else {
		s.tellLeft(p, code, reason)
	}
	o.answered(s)
}

// wish puts a history into the line. The seat, which the client may have already, is in the
// room from now on.
func (s *session) wish(asked *protocol.RoomAsked, a *room.Access, o *order) {
	m := s.seats
	x := s.loop().enter(s.conn.Loop(), a.Room)
	t := s.seatIn(x)
	if t == nil {
		t = &seat{session: s, in: x, rights: a.May, known: unique.Make(known{a.Role, x.settings})}
		x.joining[t] = struct{}{} // so that the room goes on being heard
		m.all = append(m.all, seated{x, t})
		s.h.users.subscribed.Add(1)
	} else {
		t.permit(a.Role, a.May)
	}
	w := &waiting{asked: asked.Place, limit: asked.Limit, order: o, own: protocol.Own{Room: x.room, Role: a.Role, May: a.May, ReadSeq: a.ReadSeq}}
	if asked.Since != nil {
		w.resume = &room.SinceQuery{Since: *asked.Since, Last: asked.Last, Limit: asked.Limit}
	}
	m.line = append(m.line, wish{t, w})
}

// unsubscribe takes the client out of the rooms that it names; those where it is not are left
// alone.
func (s *session) unsubscribe(f *protocol.Frame) {
	for i := range f.Rooms {
		if t := s.seatAt(&f.Rooms[i].Place); t != nil {
			s.dismiss(t)
		}
	}
	if f.ClientID != "" {
		s.conn.SendText(protocol.AppendAck(nil, noRoom, f.ClientID))
	}
}
