package backplane

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

// subscriber knows which channels of a slot are wanted, and when the last heartbeat
// came. Its goroutine keeps the connection (subscription.go).
type subscriber struct {
	// Static after construction.
	b       *Backplane
	slot    *slot
	changed chan struct{} // has one element when something is pending

	lastSent  atomic.Int64 // when the last heartbeat was sent, time since the start; -1: never
	lastBeat  atomic.Int64 // when it came; zero: never
	roundTrip atomic.Int64 // how long it took, nanoseconds

	mu      sync.Mutex
	wanted  map[uuid.UUID]*interest
	pending []uuid.UUID            // wanted, not subscribed yet
	leaving map[uuid.UUID]struct{} // not wanted any more, and Redis has not confirmed that yet
	left    []uuid.UUID            // whom nobody followed at some time since they were looked at; the others need no look
}

// interest is a room that a subscriber follows.
type interest struct {
	follows int       // Follows without their Unfollow
	idle    time.Time // since when there are none
	left    bool      // it is in the subscriber's left
}

func newSubscriber(b *Backplane, of *slot) *subscriber {
	s := &subscriber{
		b: b, slot: of, changed: make(chan struct{}, 1),
		wanted: make(map[uuid.UUID]*interest), leaving: make(map[uuid.UUID]struct{}),
	}
	s.lastSent.Store(-1)
	return s
}

func (s *subscriber) follow(roomID uuid.UUID) {
	s.mu.Lock()
	x := s.wanted[roomID]
	lingered := x != nil
	if !lingered {
		x = new(interest)
		s.wanted[roomID] = x
		s.pending = append(s.pending, roomID)
	}
	x.follows++
	s.mu.Unlock()
	if lingered {
		s.b.inbound.CatchUp(roomID) // it was subscribed, but nobody kept what came
		return
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *subscriber) unfollow(roomID uuid.UUID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.wanted[roomID]; x != nil {
		x.follows--
		x.idle = now
		if x.follows <= 0 && !x.left {
			x.left = true
			s.left = append(s.left, roomID)
		}
	}
}

// takeStale takes the rooms off the list that nobody has followed for a while.
func (s *subscriber) takeStale(now time.Time) (rooms []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = slices.DeleteFunc(s.left, func(roomID uuid.UUID) bool {
		x := s.wanted[roomID]
		switch {
		case x.follows > 0: // again
			x.left = false
			return true
		case now.Sub(x.idle) < linger:
			return false
		}
		delete(s.wanted, roomID)
		s.leaving[roomID] = struct{}{}
		rooms = append(rooms, roomID)
		return true
	})
	return rooms
}

// takePending returns the rooms that are wanted and not subscribed yet.
func (s *subscriber) takePending() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := s.pending
	s.pending = nil
	return rooms
}

// restart makes every wanted room pending: the connection is new.
func (s *subscriber) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.leaving)
	s.pending = make([]uuid.UUID, 0, len(s.wanted))
	for roomID := range s.wanted {
		s.pending = append(s.pending, roomID)
	}
}

// confirmed takes Redis's word about a channel: that it is subscribed from now
// on, or that it is not any more. It returns false where nobody asked for the
// latter: then the slot has gone to another master.
func (s *subscriber) confirmed(word rueidis.PubSubSubscription) bool {
	name, isRoom := strings.CutPrefix(word.Channel, s.slot.prefix)
	roomID, err := uuid.Parse(name)
	isRoom = isRoom && err == nil
	switch word.Kind {
	case "subscribe", "ssubscribe":
		if isRoom {
			s.b.inbound.CatchUp(roomID)
		}
		return true
	case "unsubscribe", "sunsubscribe":
		s.mu.Lock()
		defer s.mu.Unlock()
		_, asked := s.leaving[roomID]
		delete(s.leaving, roomID)
		return isRoom && asked
	}
	return true
}

// rooms returns how many channels of rooms are wanted, lingering ones included.
func (s *subscriber) rooms() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wanted)
}

// wants says whether the room is followed, or lingers.
func (s *subscriber) wants(roomID uuid.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanted[roomID] != nil
}

// received takes note of a heartbeat that was sent at one time and came at another,
// both since the start. One that came before proves nothing.
func (s *subscriber) received(now, sent time.Duration) {
	if int64(sent) <= s.lastSent.Load() {
		return
	}
	s.lastSent.Store(int64(sent))
	s.lastBeat.Store(int64(now))
	s.roundTrip.Store(int64(now - sent))
}

// silence is how long no heartbeat has come.
func (s *subscriber) silence(now time.Duration) time.Duration {
	return now - time.Duration(s.lastBeat.Load())
}

// alive tells whether a heartbeat came lately.
func (s *subscriber) alive(now time.Duration) bool {
	return s.lastBeat.Load() != 0 && s.silence(now) < heartbeatLate
}
