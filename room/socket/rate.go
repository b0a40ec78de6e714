package socket

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/room/allowance"
)

// limitedLogEvery is how often at most the log says that frames were refused.
const limitedLogEvery = time.Minute

// limited is what was refused of what clients sent.
type limited struct {
	frames atomic.Int64
	user   atomic.Pointer[uuid.UUID] // whose frame was refused last

	// Owned by the first loop.
	told  time.Time // when the log said so last
	until int64     // frames until then
}

// tellLimited has the log say, now and then, that frames were refused.
func (h *Handler) tellLimited(now time.Time) {
	l := &h.limited
	frames := l.frames.Load()
	if frames == l.until || now.Sub(l.told) < limitedLogEvery {
		return
	}
	h.log.Warn("clients send more than is allowed: frames were refused", "frames", frames-l.until, "user", *l.user.Load())
	l.told, l.until = now, frames
}

// spent is what a connection has spent of its rates; its user's allowance counts as
// well. What is over the rate in bytes is taken and makes the connection wait. What is
// over the rate in frames is refused. A client that goes on all the same waits too:
// then its frames are taken at the rate, and not refused.
type spent struct {
	frames   allowance.Meter
	bytes    allowance.Meter
	refusals allowance.Meter
}

// refusalShare is how many frames of a client that goes on over its rate are taken for
// each one that is refused. An honest client that has much to send comes through, and
// nobody gets answers without end for frames that cost nothing.
const refusalShare = 20

// refusals is how many frames of a connection are refused before it waits.
func refusals(frames allowance.Rate) allowance.Rate {
	return allowance.Rate{PerSecond: frames.PerSecond / refusalShare, Burst: frames.Burst}
}

// takeFrame counts a frame, and says whether it may be processed.
func (s *session) takeFrame(now time.Time) (ok bool) {
	limits := s.h.limits.Load()
	if ok, _ = s.spent.frames.Take(limits.Frames, 1, now); ok {
		ok, _ = s.may.Take(allowance.Frames, 1, now)
	}
	if !ok {
		user := s.user.ID()
		s.h.limited.user.Store(&user) // before it is counted, for tellLimited
		s.h.limited.frames.Add(1)
		s.spent.refusals.Charge(limits.refusals, 1, now)
		s.may.Charge(allowance.Refusals, 1, now)
	}
	return ok
}

// takeBytes counts what a frame, or the answer to it, has cost.
func (s *session) takeBytes(n int, now time.Time) {
	s.spent.bytes.Charge(s.h.limits.Load().FrameBytes, n, now)
	s.may.Charge(allowance.FrameBytes, n, now)
}

// mustWait is how long it is until the next frame is looked at: until the history is sent,
// as before that nobody may know who sends, and nothing may be answered, or on a user socket until
// it is known in which rooms the client is; then until all
// bytes are made good, and it may be processed or refused. It is asked before anything is
// inflated or decoded, because another connection may have spent what the user may.
func (s *session) mustWait(now time.Time) time.Duration {
	if s.seats == nil && s.seat.state < live || s.seats != nil && (s.state == entering || s.seats.asking) {
		return netpoll.UntilResume
	}
	limits := s.h.limits.Load()
	wait := max(s.spent.bytes.Wait(limits.FrameBytes, now), s.may.Wait(allowance.FrameBytes, now))
	if s.spent.refusals.Wait(limits.refusals, now) > 0 || s.may.Wait(allowance.Refusals, now) > 0 {
		wait = max(wait, s.spent.frames.Wait(limits.Frames, now), s.may.Wait(allowance.Frames, now))
	}
	return wait
}
