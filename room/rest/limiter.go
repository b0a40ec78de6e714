package rest

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// limiter counts the writes of each user with token buckets. A bucket that was
// left alone for as long as it takes to fill is as good as a new one, so the
// limiter keeps two generations and forgets the older one after that time.
type limiter struct {
	rate, burst float64 // tokens a second; tokens in a full bucket
	fill        time.Duration

	mu       sync.Mutex
	born     time.Time // of young
	young    map[uuid.UUID]bucket
	old      map[uuid.UUID]bucket
	youngMax int
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(rate, burst int) *limiter {
	return &limiter{
		rate: float64(rate), burst: float64(burst),
		fill:  time.Duration(float64(burst) / float64(rate) * float64(time.Second)),
		young: make(map[uuid.UUID]bucket), youngMax: bucketsMax,
	}
}

// take takes a token of the user's, or says how long it is until there is one.
// Users for whom there is no room, because so many others write, wait too.
func (l *limiter) take(user uuid.UUID, now time.Time) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.born); age >= l.fill {
		l.old = l.young
		if age >= 2*l.fill {
			l.old = nil
		}
		l.young, l.born = make(map[uuid.UUID]bucket), now
	}
	b, known := l.young[user]
	if !known {
		if len(l.young) >= l.youngMax {
			return false, time.Second
		}
		if b, known = l.old[user]; !known {
			b = bucket{tokens: l.burst, at: now}
		}
	}
	b.tokens = min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if ok = b.tokens >= 1; ok {
		b.tokens--
	} else {
		wait = time.Duration((1 - b.tokens) / l.rate * float64(time.Second))
	}
	l.young[user] = b
	return ok, wait
}
