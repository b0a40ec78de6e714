package room

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/allowance"
)

// MayRead counts a read of the user's, as an entry or a REST call that shows what is
// stored is one, or says how long it is until one is allowed.
func (s *Service) MayRead(user uuid.UUID) (wait time.Duration) {
	may := s.cfg.Allowances.Of(user)
	defer may.Return()
	if wait = may.Wait(allowance.ReadBytes, time.Now()); wait > 0 {
		s.stats.ReadsOverBytes.Add(1)
		s.tooMany(user)
		return wait
	}
	return s.takeRead(user, may)
}

// MayAsk counts a read that by itself shows nothing of what is stored, or says how long it is
// until one is allowed. What the user has read before, in bytes, does not count.
func (s *Service) MayAsk(user uuid.UUID) (wait time.Duration) {
	may := s.cfg.Allowances.Of(user)
	defer may.Return()
	return s.takeRead(user, may)
}

func (s *Service) takeRead(user uuid.UUID, may *allowance.Allowance) (wait time.Duration) {
	if _, wait = may.Take(allowance.Reads, 1, time.Now()); wait > 0 {
		s.stats.ReadsOverRate.Add(1)
		s.tooMany(user)
	}
	return wait
}

// tooMany notes whom the log is to name.
func (s *Service) tooMany(user uuid.UUID) { s.limited.user.Store(&user) }

// charge counts the bytes of an answer that a user got.
func (s *Service) charge(user uuid.UUID, cost int) {
	may := s.cfg.Allowances.Of(user)
	may.Charge(allowance.ReadBytes, cost, time.Now())
	may.Return()
}

// readCost is how many bytes an answer counts as. Rows that left little or nothing in
// it cost work as well.
func readCost(bytes, rows int) int { return max(bytes, rows*readRowBytes) }

// cost is what an answer to a query costs the user who asked.
func (p *Page) cost() int { return readCost(bodyBytes(p.Bodies), p.rows) }

func bodyBytes(bodies [][]byte) (n int) {
	for _, b := range bodies {
		n += len(b)
	}
	return n
}

// limitedReads is what the log has told of reads that were turned away. But for user
// it belongs to watch.
type limitedReads struct {
	user       atomic.Pointer[uuid.UUID] // the last one who was over the rate
	told       time.Time
	over, busy int64 // until then
}

// tellLimited has the log say, now and then, that reads were turned away.
func (s *Service) tellLimited(now time.Time) {
	l, c := &s.limited, &s.stats
	if now.Sub(l.told) < busyLogEvery {
		return
	}
	over, busy := c.ReadsOverRate.Load()+c.ReadsOverBytes.Load()+c.ReadsOverLine.Load(), c.ReadsBusy.Load()
	if busy > l.busy {
		s.log.Warn("the database is busy: clients' reads were turned away", "reads", busy-l.busy)
	}
	if over > l.over {
		user := uuid.Nil
		if last := l.user.Load(); last != nil {
			user = *last
		}
		s.log.Warn("a user reads more than is allowed: reads were turned away", "reads", over-l.over, "user", user)
	}
	if over > l.over || busy > l.busy {
		l.told, l.over, l.busy = now, over, busy
	}
}
