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

// seatState is where a seat stands; see the package comment.
type seatState uint8

const (
	outside seatState = iota
	joining
	live
	left
)

// seat is one client in one room. It belongs to its session's loop.
type seat struct {
	// Static after construction.
	session *session

	// Owned by the loop.
	in      *subscription        // from joining on; on a user socket always
	known   unique.Handle[known] // of version 2
	waiting *waiting             // before live, where something waits
	read    int64                // how far the user has read, as far as this client knows: it never goes back. Of version 2
	rights  protocol.Permissions // as of the last check
	state   seatState
	doubted bool // among its loop's
	checked checked
	watches watching
}

// checked says whether a round has asked for rights since the seat came, and since notices of its room
// were missed.
type checked uint8

const (
	unchecked checked = iota
	asking            // the answer is to come
	asOfRound
)

// answered notes that the store has said what was asked for.
func (c *checked) answered() {
	if *c == asking {
		*c = asOfRound
	}
}

// known is what a client of version 2 knows of a room, or will with its history.
type known struct {
	role     string // of the user, as of the last check
	settings protocol.RoomSettings
}

// waiting is what a seat keeps until its history is sent.
type waiting struct {
	left    atomic.Bool // the client has gone: its history need not be read
	batches []*room.Batch
	resume  *room.SinceQuery // until the history was asked for: what to resume from; nil: the usual history
	limit   int              // messages of the usual history; zero: as many as it has
	order   *order           // of a user socket: the frame that asked for it
	asked   protocol.Place   // as what that named the room
	own     protocol.Own     // of version 2
}

// join begins to hold back what happens in the room, and only then has its history read, so
// that between the two nothing is lost. It returns how many bytes were made for it here.
func (t *seat) join() (made int) {
	s, of := t.session, t.in.told()
	t.state, t.checked = joining, unchecked
	t.in.members.Remove(s.conn) // where the history is asked for anew
	delete(t.in.ahead, t)
	var resume *room.SinceQuery
	if w := t.waiting; w != nil {
		resume, w.resume = w.resume, nil
	}
	large := false
	if resume == nil {
		var past *room.History
		past, large = s.h.svc.Recent(of, madeOnLoopMax)
		if past != nil && t.lightly(past) {
			past = t.cut(of, past)
			made = len(past.Frame)
			t.joined(past, nil) // in this turn, as for most
			return made
		}
		if past != nil {
			past.Unsent.Gone() // for now
			large = true
		}
	}
	t.in.joining[t] = struct{}{}
	t.askHistory(of, resume, large)
	return 0
}

// lightly tells whether a loop may send what the client asked for of a history, which is copied
// where it is less than the whole.
func (t *seat) lightly(past *room.History) bool {
	if t.waiting != nil {
		if copied := past.NewestBytes(t.waiting.limit); copied > 0 {
			return copied <= madeOnLoopMax
		}
	}
	return t.session.light(past)
}

// cut leaves as much of a history as the client asked for.
func (t *seat) cut(of protocol.RoomInfo, past *room.History) *room.History {
	if t.waiting == nil {
		return past
	}
	return t.session.h.svc.Newest(of, past, t.waiting.limit)
}

// askHistory asks for the history that the seat begins with. It comes as the connection
// gets it, because to make that may take long.
func (t *seat) askHistory(of protocol.RoomInfo, resume *room.SinceQuery, large bool) {
	s, w := t.session, t.wait()
	loop, user, left, limit := s.conn.Loop(), s.user.ID(), w.left.Load, w.limit
	done := func(past *room.History, err error) {
		if err == nil {
			past = s.h.svc.Newest(of, past, limit)
			s.conn.Prepare(past.Derive(form, frameHistory).(*netpoll.Payload))
		}
		loop.Post(func() { t.joined(past, err) })
	}
	switch {
	case resume != nil:
		resume.User = user
		s.h.svc.Resume(of, *resume, left, done)
	case large: // it is in memory
		err := s.h.svc.InTurn(user, func() {
			if !left() {
				s.h.svc.History(of, left, done)
			}
		})
		if err != nil {
			done(nil, err)
		}
	default:
		s.h.svc.HistoryAndNext(of, s.comesNext(), left, done)
	}
}

// joined sends the history, then what was held back and is newer, and opens the
// seat for what follows.
func (t *seat) joined(past *room.History, err error) {
	s := t.session
	switch {
	case t.state != joining:
		if past != nil {
			past.Unsent.Gone()
		}
		return
	case errors.Is(err, room.ErrCrowded):
		t.end(protocol.CloseTryLater, tooManyUnsent)
		return
	case errors.Is(err, room.ErrRateLimited), errors.Is(err, room.ErrBusy):
		t.end(protocol.CloseTryLater, "too many histories are asked for, please come again later")
		return
	case err != nil:
		t.end(protocol.CloseInternal, "the history cannot be read now, please try again")
		return
	case s.h.svc.Superseded(past.Timeline): // what it tells may be lost
		past.Unsent.Gone()
		t.end(protocol.CloseInternal, "the history cannot be read now, please try again")
		return
	case !s.h.cfg.Unsent.OpenTo(s.user.ID()):
		past.Unsent.Gone()
		t.end(protocol.CloseTryLater, tooManyUnsent)
		return
	}
	w := t.waiting
	if s.version > 1 && len(past.Nameless) > 0 && w.own.Reactions == nil {
		t.askOwn(past)
		return
	}
	s.may.Charge(allowance.ReadBytes, past.Cost(), s.conn.Loop().Now())
	t.state, t.waiting = live, nil
	s.sendHistory(past)
	if s.version > 1 {
		t.read = max(t.read, w.own.ReadSeq)
		w.own.ReadSeq = t.read
		s.conn.SendText(protocol.AppendOwn(nil, &w.own))
	}
	if w != nil {
		for _, b := range w.batches {
			s.sendNewer(b, past.Seq)
		}
	}
	t.in.admit(t, past.Seq)
	if s.seats != nil {
		t.settled(w)
		t.watchAtLast()
		s.sendHistories()
		return
	}
	s.conn.Resume()
}

// askOwn asks which reactions of a history are the user's own where that does not show, and
// then goes on with joining. What happens meanwhile is held back. Where it cannot be read now
// the client is not told, and may ask later.
func (t *seat) askOwn(past *room.History) {
	t.in.joining[t] = struct{}{}
	s := t.session
	loop := s.conn.Loop()
	s.h.svc.OwnReactions(s.user.ID(), past, nil, func(own room.OwnReactions, err error) {
		loop.Post(func() {
			if own == nil {
				own = room.OwnReactions{}
			}
			if t.state == joining {
				t.waiting.own.Reactions, t.waiting.own.ReactionsUnread = own, err != nil
			}
			t.joined(past, nil)
		})
	})
}

// hold keeps a batch back until the history is sent. Before that is asked for, it will be in it.
func (t *seat) hold(b *room.Batch) {
	if t.state != joining {
		return
	}
	w := t.wait()
	if len(w.batches) >= heldBatchesMax {
		t.end(protocol.CloseSlowConsumer, "too many events before the history")
		return
	}
	w.batches = append(w.batches, b)
}

func (t *seat) wait() *waiting {
	if t.waiting == nil {
		t.waiting = new(waiting)
	}
	return t.waiting
}

// leave ends the seat.
func (t *seat) leave() {
	t.state = left
	if w := t.waiting; w != nil {
		w.left.Store(true)
		t.waiting = nil
		t.settled(w)
	}
	if t.in != nil {
		t.session.loop().leave(t.in, t)
		t.session.h.svc.LeftRoom(t.in.room, t.session.user.ID())
		t.in = nil
	}
}
