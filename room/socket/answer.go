package socket

import (
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/unsent"
)

// answer is the netpoll.Receipt of what was made for one user and follows what is
// stored: a history, or the answer to a known client_id. It does not keep the bytes.
type answer struct {
	all   *unsent.Limit
	user  uuid.UUID
	bytes int
	one   *unsent.Answer
}

// Gone implements netpoll.Receipt.
func (a *answer) Gone() {
	a.all.AddTo(a.user, -a.bytes)
	a.one.Gone()
}

// sendHistory sends a history, which others may get, too.
func (s *session) sendHistory(past *room.History) {
	s.sendCounted(past.Derive(form, frameHistory).(*netpoll.Payload), len(past.Frame), past.Unsent)
}

// sendAnswer sends a frame that the session alone gets. Who has too much unsent is
// turned away: what they asked for is stored, so an error would be no truth.
func (s *session) sendAnswer(frame []byte) {
	all := s.h.cfg.Unsent
	if !all.OpenTo(s.user.ID) {
		s.crowded()
		return
	}
	one := all.Answer(len(frame))
	one.Begin()
	s.sendCounted(netpoll.NewPayload(frame), len(frame), one)
}

// sendCounted sends what has begun to count, and counts it for the user, too.
func (s *session) sendCounted(p *netpoll.Payload, bytes int, one *unsent.Answer) {
	a := &answer{s.h.cfg.Unsent, s.user.ID, bytes, one}
	a.all.AddTo(a.user, bytes)
	s.conn.SendWithReceipt(p, a)
}
