package socket

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
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

// answers are used again: each client has one as it comes.
var answers = sync.Pool{New: func() any { return new(answer) }}

// Gone implements netpoll.Receipt. Nobody may use the answer after it.
func (a *answer) Gone() {
	a.all.AddTo(a.user, -a.bytes)
	a.one.Gone()
	*a = answer{}
	answers.Put(a)
}

// newAnswer counts an answer for the user; one has begun to count.
func newAnswer(all *unsent.Limit, user uuid.UUID, bytes int, one *unsent.Answer) *answer {
	all.AddTo(user, bytes)
	a := answers.Get().(*answer)
	*a = answer{all, user, bytes, one}
	return a
}

// sendHistory sends a history, which others may get, too.
func (s *session) sendHistory(past *room.History) {
	p := past.Derive(form, frameHistory).(*netpoll.Payload)
	var r netpoll.Receipt = newAnswer(s.h.cfg.Unsent, s.user.ID(), len(past.Frame), past.Unsent)
	if s.seats != nil {
		r = &history{r, s}
	}
	s.conn.SendWithReceipt(p, r)
}

// madeOnLoopMax is the largest history, in bytes, that a loop makes by itself: most are
// smaller. Larger ones, and all else whose size follows what is stored, are made where they
// keep no other client waiting. A loop sends what is made, whatever its size.
const madeOnLoopMax = 32 << 10

// light tells whether a loop may send a history as it is.
func (s *session) light(past *room.History) bool {
	return len(past.Frame) <= madeOnLoopMax || s.conn.Prepared(past.Derive(form, frameHistory).(*netpoll.Payload))
}

// repeat answers a resend, or what changes nothing, with the message as it is stored, when it
// is the user's turn. A
// frame of a few bytes may ask for many, so they are counted before they are sent. Who has
// too much unsent, or too many that wait, is turned away: the message is stored, so an
// error would be no truth. It is called from a lane.
func (s *session) repeat(op *room.Op, may *allowance.Allowance) {
	loop, user, m := s.conn.Loop(), op.Sender.ID, op.Message
	err := s.h.svc.InTurn(user, func() {
		all := s.h.cfg.Unsent
		if !all.OpenTo(user) {
			loop.Post(s.crowded)
			return
		}
		body := protocol.AppendMessage(nil, m)
		seq := m.Seq
		if op.Kind != protocol.KindMessage {
			seq = m.Rev
		}
		frame := protocol.AppendEvent(nil, op.Kind, body, seq, seq-1, protocol.Duplicate)
		one := all.Answer(len(frame))
		one.Begin()
		a := newAnswer(all, user, len(frame), one)
		now := time.Now()
		s.spent.bytes.Charge(s.h.limits.Load().FrameBytes, len(body), now)
		may.Charge(allowance.FrameBytes, len(body), now)
		p := netpoll.NewPayload(frame)
		s.conn.Prepare(p)
		loop.Post(func() {
			if s.state != open {
				a.Gone()
				return
			}
			s.conn.SendWithReceipt(p, a)
		})
	})
	if err != nil {
		loop.Post(s.crowded)
	}
}
