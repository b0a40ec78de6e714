package socket

import (
	"context"
	"slices"
	"unique"

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
	round     int // which of the loop's checks of all members it is, from 1 on; zero: it is of a few
}

// asked is whom a question is about: a seat, or nil and a user socket that has none.
type asked struct {
	session *session
	seat    *seat
}

// recheck asks about the loopState's members, those included that are still joining.
func (w *loopState) recheck(l *netpoll.Loop) {
	w.round++
	r := recheck{state: w, loop: l, round: w.round}
	for _, x := range w.rooms {
		x.all(r.add)
	}
	for s := range w.users {
		if len(s.seats.all) == 0 {
			r.of = append(r.of, asked{s, nil})
			r.questions = append(r.questions, room.AccessQuestion{User: s.user.ID(), TripOnly: true})
		}
	}
	w.ask(r)
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
			answers, errs := h.svc.Recheck(ctx, r.questions)
			failed := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
			if len(failed) > 0 && ctx.Err() == nil {
				h.log.Warn("rights could not be checked again", "members", len(failed), "error", failed[0])
			}
			r.noteSeen(h, answers)
			r.loop.Post(func() { r.act(answers, errs) })
		}
	}
}

// noteSeen notes that users are connected who may be gone without a word. In each round it is the
// turn of others, so that it is noted of each once in stillHereEvery.
func (r *recheck) noteSeen(h *Handler, answers []room.Access) {
	if r.round == 0 {
		return
	}
	rounds := max(1, int(stillHereEvery/h.cfg.RecheckEvery))
	for i := range answers {
		user := r.questions[i].User
		if answers[i].UserKnown && (int(user[14])<<8|int(user[15]))%rounds == r.round%rounds {
			h.svc.StillSeen(user)
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
		case s.state != open, errs[i] != nil, t != nil && t.state == left:
		case !a.UserKnown:
			s.close(protocol.CloseUnauthorized, "the user is not known any more")
		case t == nil:
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
