package netpoll

import (
	"sync/atomic"
	"time"
)

// failureLogEvery is how often at most the log says that something fails which may fail
// for each client that comes.
const failureLogEvery = time.Minute

// seldom is when the log said something last. Any goroutine may ask.
type seldom struct {
	told atomic.Int64 // in ns; 0: never
}

// due tells whether it is time to say it again, which then counts as said.
func (s *seldom) due(now time.Time) bool {
	at, told := now.UnixNano(), s.told.Load()
	return (told == 0 || at-told >= int64(failureLogEvery)) && s.told.CompareAndSwap(told, at)
}
