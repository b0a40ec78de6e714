package socket

import (
	"slices"
	"unique"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/allowance"
)

// seats are the rooms of a user socket. They belong to its session's loop.
type seats struct {
	all     []seated
	line    []wish  // histories that are still to be sent, in this order
	joining *seat   // whose history is being made; nil: none
	asking  bool    // whether the user may enter some rooms is being asked
	sending bool    // sendHistories is under way
	checked checked // of the user, while there is no seat

	// toWatch are the seats that asked for who has read how far before they had their history,
	// each with the client_id of its frame.
	toWatch map[*seat]string
}

// seated finds a seat by its subscription. There are few, so that looking through them takes
// no longer than a map, and takes less memory.
type seated struct {
	in   *subscription
	seat *seat
}

// wish is a history that the client has asked for. Its seat may be live meanwhile.
type wish struct {
	seat    *seat
	waiting *waiting
}

// order is a frame that subscribes: its client is told when all its rooms are answered.
type order struct {
	clientID string
	left     int
}

// seatIn returns the session's seat in a room of its loop, or nil.
func (s *session) seatIn(x *subscription) *seat {
	if s.seats == nil {
		return &s.seat
	}
	for i := range s.seats.all {
		if s.seats.all[i].in == x {
			return s.seats.all[i].seat
		}
	}
	return nil
}

// seatAt returns the seat in the room that a client names, or nil.
func (s *session) seatAt(p *protocol.Place) *seat {
	if p.ID == noRoom {
		return nil
	}
	if x := s.loop().rooms[p.ID]; x != nil {
		if t := s.seatIn(x); t != nil {
			return t
		}
	}
	for _, is := range s.seats.all { // by the trip's id
		if is.in.trip == p.ID {
			return is.seat
		}
	}
	return nil
}

// end ends a seat: on a room's socket with the connection.
func (t *seat) end(code protocol.CloseCode, reason string) {
	s := t.session
	switch {
	case s.seats == nil:
		s.close(code, reason)
	case t.state == live:
		t.dismissAs([]protocol.Place{{Named: true, ID: t.in.room}}, code, reason)
	case t.state != left:
		t.dismissAs(nil, code, reason)
	}
}

// dismissAs takes a seat away and tells the client so, once by each name: those given, and as
// what it asked for the room where that is not answered. Before its history a client may know
// the room by no other name.
func (t *seat) dismissAs(names []protocol.Place, code protocol.CloseCode, reason string) {
	s := t.session
	unanswered := func(w *waiting) {
		if w != nil && !slices.Contains(names, w.asked) {
			names = append(names, w.asked)
		}
	}
	unanswered(t.waiting)
	for _, next := range s.seats.line {
		if next.seat == t {
			unanswered(next.waiting)
		}
	}
	for i := range names {
		s.tellLeft(&names[i], code, reason)
	}
	s.dismiss(t)
}

// tellLeft tells the client that it hears a room no more, or not at all.
func (s *session) tellLeft(room *protocol.Place, code protocol.CloseCode, reason string) {
	s.h.users.left(code).Add(1)
	s.conn.SendText(protocol.AppendLeft(nil, room, code, reason))
}

// dismiss takes a seat away from a user socket. Whoever waited behind it goes on soon, not
// within this call: that may come from going over the members of a room.
func (s *session) dismiss(t *seat) {
	s.seats.all = slices.DeleteFunc(s.seats.all, func(is seated) bool { return is.seat == t })
	delete(s.seats.toWatch, t)
	if len(s.seats.all) == 0 {
		s.seats.checked = unchecked // a round may have asked about the seat, and what it was told of the user is gone with it
	}
	s.h.users.subscribed.Add(-1)
	t.leave()
	s.conn.Loop().Post(s.sendHistories)
}

// sendHistories has the histories made that the client asked for, one after another, while it
// takes them: the next one when less than half of what may wait for it does. It is called
// again when the last one has left, and by the tick.
func (s *session) sendHistories() {
	m := s.seats
	if m.sending {
		return
	}
	m.sending = true
	defer func() { m.sending = false }()
	for made := 0; s.state == open && m.joining == nil && len(m.line) > 0; {
		loop := s.conn.Loop()
		switch {
		case !s.conn.Roomy() || s.may.Wait(allowance.ReadBytes, loop.Now()) > 0:
			return
		case made > madeOnLoopMax: // the others of the loop come first
			loop.Post(s.sendHistories)
			return
		}
		next := m.line[0]
		if m.line = m.line[1:]; len(m.line) == 0 {
			m.line = nil
		}
		if next.seat.state == left {
			next.waiting.order.answered(s)
			continue
		}
		t, w := next.seat, next.waiting
		m.joining = t
		now := known{t.known.Value().role, t.in.settings}
		t.waiting, t.known = w, unique.Make(now)
		w.own.Role, w.own.May = now.role, t.rights
		made += t.join()
	}
}

// comesNext are the rooms at the head of the line of which the client wants the usual history.
// Those that are not in memory are read together, and not one after another.
func (s *session) comesNext() (next []protocol.RoomInfo) {
	if s.seats == nil {
		return nil
	}
	for _, w := range s.seats.line[:min(len(s.seats.line), readAheadMax)] {
		if w.waiting.resume == nil && w.seat.state != left {
			next = append(next, w.seat.in.told())
		}
	}
	return next
}

// answered notes that a room of the order is answered.
func (o *order) answered(s *session) {
	if o.left--; o.left == 0 && o.clientID != "" && s.state == open {
		s.conn.SendText(protocol.AppendAck(nil, noRoom, o.clientID))
	}
}

// settled follows when a seat has its history, or will not get it.
func (t *seat) settled(w *waiting) {
	s := t.session
	if s.seats == nil || w == nil || w.order == nil {
		return
	}
	if s.seats.joining == t {
		s.seats.joining = nil
	}
	w.order.answered(s)
}

// openSeats begins a user socket, which has no room yet.
func (s *session) openSeats() {
	s.loop().users[s] = struct{}{}
	s.h.users.now.Add(1)
	s.conn.Resume()
}

// leaveSeats ends them with their connection.
func (s *session) leaveSeats() {
	w := s.loop()
	if _, entered := w.users[s]; !entered {
		return
	}
	delete(w.users, s)
	s.h.users.now.Add(-1)
	s.h.users.subscribed.Add(-int64(len(s.seats.all)))
	for _, is := range s.seats.all {
		is.seat.leave()
	}
	s.seats.all, s.seats.line, s.seats.toWatch = nil, nil, nil
}

// history is the receipt of a history that goes to a user socket: the next one follows.
type history struct {
	netpoll.Receipt
	session *session
}

// Gone implements netpoll.Receipt. The call may come from writing, so nothing is sent in it.
func (h *history) Gone() {
	h.Receipt.Gone()
	h.session.conn.Loop().Post(h.session.sendHistories)
}
