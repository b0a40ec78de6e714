package backplane

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

// ear knows which channels of a slot are to be listened to, and how well that
// goes. Its goroutine keeps the connection (listen.go).
type ear struct {
	// Static after construction.
	b       *Backplane
	slot    *slot
	changed chan struct{} // has one element when something is pending

	lastHeard atomic.Int64 // when a canary came, time since the start; zero: never
	roundTrip atomic.Int64 // how long it took, nanoseconds

	mu      sync.Mutex
	wanted  map[uuid.UUID]*interest
	pending []uuid.UUID            // wanted, not subscribed yet
	leaving map[uuid.UUID]struct{} // not wanted any more, and Redis has not confirmed that yet
}

// interest is a room that an ear listens for.
type interest struct {
	follows int       // Follows without their Unfollow
	idle    time.Time // since when there are none
}

func newEar(b *Backplane, s *slot) *ear {
	return &ear{
		b: b, slot: s, changed: make(chan struct{}, 1),
		wanted: make(map[uuid.UUID]*interest), leaving: make(map[uuid.UUID]struct{}),
	}
}

func (e *ear) follow(in uuid.UUID) {
	e.mu.Lock()
	x := e.wanted[in]
	lingered := x != nil
	if !lingered {
		x = new(interest)
		e.wanted[in] = x
		e.pending = append(e.pending, in)
	}
	x.follows++
	e.mu.Unlock()
	if lingered {
		e.b.in.CatchUp(in) // it was subscribed, but nobody kept what came
		return
	}
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *ear) unfollow(in uuid.UUID, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.wanted[in]; x != nil {
		x.follows--
		x.idle = now
	}
}

// takeStale takes the rooms off the list that nobody has followed for a while.
func (e *ear) takeStale(now time.Time) (rooms []uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for in, x := range e.wanted {
		if x.follows <= 0 && now.Sub(x.idle) >= linger {
			delete(e.wanted, in)
			e.leaving[in] = struct{}{}
			rooms = append(rooms, in)
		}
	}
	return rooms
}

// takePending returns the rooms that are wanted and not subscribed yet.
func (e *ear) takePending() []uuid.UUID {
	e.mu.Lock()
	defer e.mu.Unlock()
	rooms := e.pending
	e.pending = nil
	return rooms
}

// restart makes every wanted room pending: the connection is new.
func (e *ear) restart() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.leaving)
	e.pending = make([]uuid.UUID, 0, len(e.wanted))
	for in := range e.wanted {
		e.pending = append(e.pending, in)
	}
}

// confirmed takes Redis's word about a channel: that it is subscribed from now
// on, or that it is not any more. It returns false where nobody asked for the
// latter: then the slot has gone to another master.
func (e *ear) confirmed(s rueidis.PubSubSubscription) bool {
	name, isRoom := strings.CutPrefix(s.Channel, e.slot.prefix)
	in, err := uuid.Parse(name)
	isRoom = isRoom && err == nil
	switch s.Kind {
	case "subscribe", "ssubscribe":
		if isRoom {
			e.b.in.CatchUp(in)
		}
		return true
	case "unsubscribe", "sunsubscribe":
		e.mu.Lock()
		defer e.mu.Unlock()
		_, asked := e.leaving[in]
		delete(e.leaving, in)
		return isRoom && asked
	}
	return true
}

// rooms returns how many channels of rooms are wanted, lingering ones included.
func (e *ear) rooms() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wanted)
}

// heard takes note of a canary that sang at one time and came at another, both
// since the start.
func (e *ear) heard(now, sung time.Duration) {
	e.lastHeard.Store(int64(now))
	e.roundTrip.Store(int64(now - sung))
}

// silence is how long no canary has come.
func (e *ear) silence(now time.Duration) time.Duration {
	return now - time.Duration(e.lastHeard.Load())
}

// hears tells whether a canary came lately.
func (e *ear) hears(now time.Duration) bool {
	return e.lastHeard.Load() != 0 && e.silence(now) < canaryLate
}
