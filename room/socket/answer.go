package socket

import (
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/unsent"
)

// answer is the netpoll.Receipt of what was made for one user and follows what is
// stored: a history, or the answer to a known client_id.
type answer struct {
	unsent *unsent.Limit
	user   uuid.UUID
	bytes  int
	past   *room.History // nil: no other session gets it
}

// Gone implements netpoll.Receipt.
func (a *answer) Gone() {
	a.unsent.AddTo(a.user, -a.bytes)
	if a.past != nil {
		a.past.Gone()
	} else {
		a.unsent.Add(-a.bytes)
	}
}

// sendHistory sends a history, which others may get, too.
func (s *session) sendHistory(past *room.History) {
	a := &answer{unsent: s.h.cfg.Unsent, user: s.user.ID, bytes: len(past.Frame), past: past}
	a.unsent.AddTo(a.user, a.bytes)
	s.conn.SendWithReceipt(past.Derive(form, frameHistory).(*netpoll.Payload), a)
}

// sendAnswer sends a frame that the session alone gets. Who has too much unsent is
// turned away: what they asked for is stored, so an error would be no truth.
func (s *session) sendAnswer(frame []byte) {
	a := &answer{unsent: s.h.cfg.Unsent, user: s.user.ID, bytes: len(frame)}
	if !a.unsent.OpenTo(a.user) {
		s.crowded()
		return
	}
	a.unsent.Add(a.bytes)
	a.unsent.AddTo(a.user, a.bytes)
	s.conn.SendWithReceipt(netpoll.NewPayload(frame), a)
}
