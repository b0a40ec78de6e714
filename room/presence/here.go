package presence

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Room is who is in one room, as long as somebody wants to know it.
type Room struct {
	// Static after construction.
	table *Table
	id    uuid.UUID
	made  time.Time

	due atomic.Bool // something has changed, and is to be looked at in the next step

	mu       sync.Mutex
	over     bool                    // nobody wants to know it any more
	counting int                     // how many have not counted their members into it yet
	here     map[uuid.UUID]int32     // users of this node by their connections; none: they left lately
	leaving  map[uuid.UUID]time.Time // of those without, when they have left
	out      []*Said                 // to be published once the lock is given back
	say      saying
	see      seeing
	tell     telling
}

// ID is the room's.
func (r *Room) ID() uuid.UUID { return r.id }

// Expect says that somebody will count their members into the room, and call Counted then.
func (r *Room) Expect() {
	r.mu.Lock()
	r.counting++
	r.mu.Unlock()
}

// Counted says that somebody has.
func (r *Room) Counted() {
	r.mu.Lock()
	r.counting--
	r.mu.Unlock()
	r.isDue()
}

// Arrive notes a connection of the user in the room. False: nobody wants to know it any more,
// and no further call makes a difference.
func (r *Room) Arrive(user uuid.UUID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	n, known := r.here[user]
	r.here[user] = n + 1
	switch {
	case !known:
		r.joined(user)
	case n == 0:
		delete(r.leaving, user)
	}
	return true
}

// Depart notes that it has gone. The user has left when none has come within the grace.
func (r *Room) Depart(user uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.here[user]
	if r.over || n == 0 {
		return
	}
	r.here[user] = n - 1
	if n == 1 {
		r.leaving[user] = time.Now().Add(r.table.cfg.Grace)
	}
}

// expire has those leave who did not come back within the grace.
func (r *Room) expire(now time.Time) {
	for user, at := range r.leaving {
		if now.Before(at) {
			continue
		}
		delete(r.leaving, user)
		delete(r.here, user)
		r.say.change(user, false)
		r.see.remove(user)
		r.isDue()
	}
}

func (r *Room) joined(user uuid.UUID) {
	r.say.change(user, true)
	r.see.add(user)
	r.isDue()
}

// counted reports whether the members of this node are counted.
func (r *Room) counted(now time.Time) bool {
	return r.counting <= 0 || now.Sub(r.made) >= countTime
}
