package socket

import (
	"errors"
	"sync/atomic"
	"unique"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// state is where a session stands; see the package comment.
type state uint8

const (
	entering state = iota
	joining
	live
	closed
)

// session is one client in one room. It belongs to its connection's loop.
type session struct {
	// Static after construction.
	h       *Handler
	version int // of the protocol

	// Static after Open.
	conn *netpoll.Conn

	// Owned by the loop.
	state   state
	counted bool // among its user's connections
	doubted bool // among its loop's
	spent   spent
	may     *allowance.Allowance  // the user's, once the gate let it in
	expires int64                 // when the token does, Unix seconds
	user    *protocol.User        // once the gate let it in
	rights  protocol.Permissions  // of the user in the room, as of the last check
	role    unique.Handle[string] // likewise; of version 2
	own     *protocol.Own         // until the history is sent; of version 2
	in      *subscription         // from joining on
	door    *room.EnterRequest    // while entering
	resume  *room.SinceQuery      // until the history was asked for: what to resume from; nil: the usual history
	waiting *waiting              // before live, where something waits
	answer  func(*room.Op)        // the lane's way back, made once
}

// waiting is what a session keeps until its history is sent.
type waiting struct {
	left    atomic.Bool // the client has gone: its history need not be read
	batches []*room.Batch
}

// enter begins the checks.
func (s *session) enter() {
	door := *s.door
	s.door = nil
	loop := s.conn.Loop()
	s.h.svc.Enter(door, func(e room.Entry, err error) {
		loop.Post(func() { s.entered(e, err) })
	})
}

// entered takes the answer of the admission: from now on the session hears of the room,
// and only then its history is read, so that between the two nothing is lost.
func (s *session) entered(e room.Entry, err error) {
	if s.state != entering {
		return
	}
	switch {
	case err == nil:
	case errors.Is(err, room.ErrUnauthorized):
		s.close(protocol.CloseUnauthorized, "a valid access token is required")
		return
	case errors.Is(err, room.ErrForbidden):
		s.close(protocol.CloseForbidden, "not a collaborator of this trip")
		return
	case errors.Is(err, room.ErrRateLimited):
		s.close(protocol.CloseTryLater, "too many reads of this user, please come again later")
		return
	default:
		s.close(protocol.CloseInternal, "cannot let you in now, please try again")
		return
	}
	s.user, s.rights = e.User, e.May
	if !s.h.cfg.Unsent.OpenTo(s.user.ID) {
		s.crowded()
		return
	}
	s.may = s.h.cfg.Allowances.Of(s.user.ID)
	if s.counted = s.h.perUser.enter(s.user.ID); !s.counted {
		s.close(protocol.CloseTryLater, "too many connections of this user")
		return
	}
	loop := s.conn.Loop()
	s.state = joining
	s.expires = e.Expires.Unix()
	s.in = s.h.loops[loop.Index()].enter(loop, e.Room)
	s.h.speaking.begin(s.version)
	if s.version > 1 {
		s.role = unique.Make(e.Role)
		s.own = &protocol.Own{Room: e.Room.ID, Role: e.Role, May: e.May, ReadSeq: e.ReadSeq}
	}
	resume := s.resume
	s.resume = nil
	large := false
	if resume == nil {
		var past *room.History
		past, large = s.h.svc.Recent(e.Room.IDs(), madeOnLoopMax)
		switch {
		case past == nil:
		case s.light(past):
			s.joined(past, nil) // in this turn, as for most
			return
		default:
			past.Unsent.Gone() // for now
			large = true
		}
	}
	s.in.joining[s] = struct{}{}
	s.askHistory(e.Room.IDs(), resume, large)
}

// askHistory asks for the history that the session begins with. It comes as the connection
// gets it, because to make that may take long.
func (s *session) askHistory(in protocol.RoomIDs, resume *room.SinceQuery, large bool) {
	loop, user, left := s.conn.Loop(), s.user.ID, s.wait().left.Load
	done := func(past *room.History, err error) {
		if err == nil {
			s.conn.Prepare(past.Derive(form, frameHistory).(*netpoll.Payload))
		}
		loop.Post(func() { s.joined(past, err) })
	}
	switch {
	case resume != nil:
		resume.User, resume.Room, resume.Trip = user, in.Room, in.Trip
		s.h.svc.Resume(*resume, left, done)
	case large: // it is in memory
		err := s.h.svc.InTurn(user, func() {
			if !left() {
				s.h.svc.History(in, left, done)
			}
		})
		if err != nil {
			done(nil, err)
		}
	default:
		s.h.svc.History(in, left, done)
	}
}

// joined sends the history, then what was held back and is newer, and opens the
// session for what follows.
func (s *session) joined(past *room.History, err error) {
	switch {
	case s.state != joining:
		if past != nil {
			past.Unsent.Gone()
		}
		return
	case errors.Is(err, room.ErrCrowded):
		s.crowded()
		return
	case errors.Is(err, room.ErrRateLimited), errors.Is(err, room.ErrBusy):
		s.close(protocol.CloseTryLater, "too many histories are asked for, please come again later")
		return
	case err != nil:
		s.close(protocol.CloseInternal, "the history cannot be read now, please try again")
		return
	case !s.h.cfg.Unsent.OpenTo(s.user.ID):
		past.Unsent.Gone()
		s.crowded()
		return
	}
	if s.own != nil && len(past.Nameless) > 0 && s.own.Reactions == nil {
		s.askOwn(past)
		return
	}
	s.may.Charge(allowance.ReadBytes, past.Cost(), s.conn.Loop().Now())
	w := s.waiting
	s.state, s.waiting = live, nil
	s.sendHistory(past)
	if s.own != nil {
		s.conn.SendText(protocol.AppendOwn(nil, s.own))
		s.own = nil
	}
	if w != nil {
		for _, b := range w.batches {
			s.sendNewer(b, past.Seq)
		}
	}
	s.in.admit(s, past.Seq)
	s.conn.Resume()
}

// askOwn asks which reactions of a history are the user's own where that does not show, and
// then goes on with joining. What happens meanwhile is held back.
func (s *session) askOwn(past *room.History) {
	s.in.joining[s] = struct{}{}
	loop := s.conn.Loop()
	s.h.svc.OwnReactions(s.user.ID, past, nil, func(own room.OwnReactions, err error) {
		loop.Post(func() {
			if own == nil {
				own = room.OwnReactions{}
			}
			if s.own != nil {
				s.own.Reactions = own
			}
			if err != nil && s.state == joining {
				past.Unsent.Gone()
			}
			s.joined(past, err)
		})
	})
}

// hold keeps a batch back until the history is sent.
func (s *session) hold(b *room.Batch) {
	w := s.wait()
	if len(w.batches) >= heldBatchesMax {
		s.close(protocol.CloseSlowConsumer, "too many events before the history")
		return
	}
	w.batches = append(w.batches, b)
}

func (s *session) wait() *waiting {
	if s.waiting == nil {
		s.waiting = new(waiting)
	}
	return s.waiting
}

// leave is the end: the connection is gone, or will be when its last bytes are.
func (s *session) leave() {
	s.state = closed
	if s.waiting != nil {
		s.waiting.left.Store(true)
		s.waiting = nil
	}
	if s.counted {
		s.counted = false
		s.h.perUser.leave(s.user.ID)
	}
	s.may.Return()
	s.may = nil
	if s.in != nil {
		s.h.speaking.end(s.version)
		s.h.loops[s.conn.Loop().Index()].leave(s.in, s)
		s.in = nil
	}
}

// crowded turns the session away, as too much of what was made for clients is not sent
// yet, or the server is short of memory.
func (s *session) crowded() {
	s.close(protocol.CloseTryLater, "too many answers are not sent yet, please try again later")
}

func (s *session) close(code protocol.CloseCode, reason string) {
	s.conn.Close(uint16(code), reason)
}
