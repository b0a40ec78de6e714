package presence

import (
	"time"

	"github.com/google/uuid"
)

// Hear takes what another node says of a room.
func (t *Table) Hear(s *Said) {
	if s.Kind == Ask {
		t.asked([]uuid.UUID{s.Room}, true)
		return
	}
	r := t.find(s.Room)
	if r == nil {
		return
	}
	var users map[uuid.UUID]struct{} // made without the lock: they may be many
	if s.Kind == Whole {
		users = setOf(s.Joined)
	}
	r.mu.Lock()
	r.hear(s, users, time.Now())
	r.mu.Unlock()
}

// Watched takes which rooms another node wants to know of.
func (t *Table) Watched(rooms []uuid.UUID) { t.asked(rooms, false) }

// asked notes that another node wants to know of rooms, and begins to count the members of those
// that have some here.
func (t *Table) asked(rooms []uuid.UUID, whole bool) {
	now := time.Now()
	until := now.Add(askedTime)
	var made []*Room
	t.mu.Lock()
	for _, id := range rooms {
		if _, known := t.elsewhere[id]; known || len(t.elsewhere) < elsewhereMax {
			t.elsewhere[id] = until
		}
		r := t.rooms[id]
		if r == nil && t.cfg.Follows(id) {
			if r, _ = t.open(id, now); r != nil {
				made = append(made, r)
			}
		}
		if r != nil {
			r.mu.Lock()
			r.ask(until, whole)
			r.mu.Unlock()
		}
	}
	t.some.Store(len(t.rooms)+len(t.elsewhere) > 0)
	t.mu.Unlock()
	for _, r := range made {
		t.census(r)
	}
}

// Missed says that something that was said of a room may have been missed, by this node and by
// the others.
func (t *Table) Missed(room uuid.UUID) {
	r := t.find(room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := &r.see; !s.since.IsZero() {
		s.ask = true
		if !s.ready { // the room is heard from now on
			s.followed, s.askedAt = time.Now(), time.Time{}
		}
	}
	r.say.whole = r.say.on
	r.isDue()
}

// Met says that a node is heard that does not know which rooms are watched.
func (t *Table) Met() { t.met.Store(true) }

// Leave says farewell to the other nodes: who is still here, or was lately, comes to them, or
// not at all. It waits a while where more is to be said than may wait.
func (t *Table) Leave() {
	if t.cfg.Others == nil || t.ended.Swap(true) {
		return
	}
	until := time.Now().Add(leaveTime)
	for _, r := range t.all() {
		said := r.farewell()
		for said != nil && !t.publish(said) && time.Now().Before(until) && t.cfg.Others.Healthy() {
			time.Sleep(step)
		}
	}
}

func (r *Room) farewell() *Said {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.say.on || len(r.here) == 0 {
		return nil
	}
	return &Said{Kind: Leaving, Room: r.id, Version: r.say.version + 1}
}
