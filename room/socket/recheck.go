package socket

import (
	"context"
	"slices"
	"time"
	"unique"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// recheck is a loop's question whether its members still may be where they are.
type recheck struct {
	state     *loopState
	loop      *netpoll.Loop
	of        []asked
	questions []room.AccessQuestion
	begins    bool        // a round: whose rights have changed is to be asked first
	since     room.Moment // of a round: since when
	here      []uuid.UUID // of a round: users of whom it is noted that they are connected
}

// asked is whom a question is about: a seat, or nil and a user socket that has none.
type asked struct {
	session *session
	seat    *seat
}

// recheck begins a round of the loopState's members, those included that are still joining.
func (w *loopState) recheck(l *netpoll.Loop) {
	w.round++
	w.ask(recheck{state: w, loop: l, begins: true, since: w.until})
}

// changed goes on with the round: it asks about those whose rights may have changed since the
// one before, and about those of whom no round knows yet. Now and then it asks about all.
func (w *loopState) changed(l *netpoll.Loop, rights *room.Rights) {
	now := time.Now()
	w.checking, w.until = false, rights.Until
	if all := rights.All || now.Sub(w.allAsked) >= w.h.cfg.RecheckAllEvery; all {
		w.allAsked = now
		w.unknowAll()
	}
	r := recheck{state: w, loop: l}
	for _, x := range w.rooms {
		missed := x.missed.Load() && x.missed.Swap(false)
		x.all(func(t *seat) {
			user := t.session.user.ID()
			if w.isTurn(user) {
				r.here = append(r.here, user)
			}
			if missed || t.checked != asOfRound || rights.Concern(user, x.trip) {
				r.add(t)
			}
		})
	}
	for s := range w.users {
		if user := s.user.ID(); len(s.seats.all) == 0 {
			if w.isTurn(user) {
				r.here = append(r.here, user)
			}
			if s.seats.checked != asOfRound || rights.Concern(user, uuid.Nil) {
				s.seats.checked = asking
				r.of = append(r.of, asked{s, nil})
				r.questions = append(r.questions, room.AccessQuestion{User: user, TripOnly: true})
			}
		}
	}
	if len(r.of)+len(r.here) > 0 {
		w.ask(r)
	} else {
		w.recheckDoubted(l)
	}
}

// unknowAll forgets whose rights were checked, so that all are asked about, and again in the next
// round of whom the store could not say.
func (w *loopState) unknowAll() {
	for _, x := range w.rooms {
		x.all(func(t *seat) { t.checked = unchecked })
	}
	for s := range w.users {
		s.seats.checked = unchecked
	}
}

// isTurn reports whether it is a user's turn to be noted as connected, who may be gone without a
// word. In each round it is the turn of others, so that it is noted of each once in stillHereEvery.
func (w *loopState) isTurn(user uuid.UUID) bool {
	rounds := max(1, int(stillHereEvery/w.h.cfg.RecheckEvery))
	return (int(user[14])<<8|int(user[15]))%rounds == w.round%rounds
}

// doubt has a seat's rights checked again soon: the store has refused what it asked for.
func (w *loopState) doubt(t *seat) {
	if t.doubted {
		return
	}
	t.doubted = true
	w.doubted = append(w.doubted, t)
	w.recheckDoubted(t.session.conn.Loop())
}

// recheckDoubted asks about those who are doubted, unless a check is under way.
func (w *loopState) recheckDoubted(l *netpoll.Loop) {
	if w.checking {
		return
	}
	r := recheck{state: w, loop: l}
	for _, t := range w.doubted {
		t.doubted = false
		if t.state != left {
			r.add(t)
		}
	}
	w.doubted = nil
	if len(r.of) > 0 {
		w.ask(r)
	}
}

// add asks about a seat that is in its room.
func (r *recheck) add(t *seat) {
	t.checked = asking
	r.of = append(r.of, asked{t.session, t})
	r.questions = append(r.questions, room.AccessQuestion{User: t.session.user.ID(), Place: t.in.trip, TripOnly: true})
}

// ask hands a question to the handler's goroutine. At most one per loopState is under
// way, so the queue has room.
func (w *loopState) ask(r recheck) {
	w.checking = true
	w.h.rechecks <- r
}

// recheck answers the loops' questions until ctx ends. Members who may not stay
// are closed; those of whom the store cannot say stay until the next time.
func (h *Handler) recheck(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-h.rechecks:
			if r.begins {
				rights := h.svc.RightsSince(ctx, r.since)
				r.loop.Post(func() { r.state.changed(r.loop, &rights) })
				continue
			}
			for _, user := range r.here {
				h.svc.StillSeen(user)
			}
			answers, errs := h.svc.Recheck(ctx, r.questions)
			failed := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
			if len(failed) > 0 && ctx.Err() == nil {
				h.log.Warn("rights could not be checked again", "members", len(failed), "error", failed[0])
			}
			r.loop.Post(func() { r.act(answers, errs) })
		}
	}
}

// act closes whom the answers turn out, and has the others called, and be allowed, as they
// are now; on the loop.
func (r *recheck) act(answers []room.Access, errs []error) {
	r.state.checking = false
	defer r.state.recheckDoubted(r.loop)
	for i, a := range answers {
		s, t := r.of[i].session, r.of[i].seat
		switch {
		case errs[i] != nil:
		case t != nil:
			t.checked.answered()
		default:
			s.seats.checked.answered()
		}
		switch {
		case s.state != open, errs[i] != nil:
		case !a.UserKnown: // whether the seat was left meanwhile or not
			s.close(protocol.CloseUnauthorized, "the user is not known any more")
		case t == nil, t.state == left:
		case !a.Allowed:
			t.end(protocol.CloseForbidden, "not a collaborator of this trip any more")
		case a.Room.ID != t.in.room: // the store has gone back behind the making of the room
			t.end(protocol.CloseRestart, "the trip has another room, please come again")
		default:
			t.in.settings = a.Room.RoomSettings
			t.permit(a.Role, a.May)
			t.tell(a.Room.RoomSettings)
			t.readTo(a.ReadSeq)          // a notice may have been lost, or gone by before the seat was in the room
			if a.User != s.user.User() { // the application has given them another name
				s.user = room.Compact(&a.User)
			}
		}
	}
}

// permit notes the user's role, and tells one of version 2 where it is another one.
func (t *seat) permit(role string, may protocol.Permissions) {
	t.rights = may
	if t.session.version < 2 {
		return
	}
	now := t.known.Value()
	if now.role == role {
		return
	}
	now.role = role
	t.known = unique.Make(now)
	switch w := t.waiting; {
	case t.state == outside: // it is told with the history
		return
	case w != nil: // likewise
		w.own.Role, w.own.May = role, may
		return
	}
	t.session.conn.SendText(protocol.AppendOwnRole(nil, t.in.room, role, may))
}

// tell tells a client of version 2 the room's settings where they are other ones than it was
// told. One whose history is still to come is told the next time.
func (t *seat) tell(is protocol.RoomSettings) {
	if t.session.version < 2 || t.state != live {
		return
	}
	now := t.known.Value()
	if now.settings == is {
		return
	}
	now.settings = is
	t.known = unique.Make(now)
	t.session.conn.SendText(protocol.AppendRoomSettings(nil, t.in.room, is))
}
