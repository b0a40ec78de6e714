package presence

import (
	"context"
	"maps"
	"slices"
	"time"
)

// health is how well other nodes are heard. It belongs to Run.
type health struct {
	since time.Time // since when it is as it is
	well  bool
	last  time.Time // when it was looked at
	trust bool      // who is not heard is gone
}

// look notes whether what others say arrives. A process that was stopped for a while has
// heard nothing meanwhile, either.
func (h *health) look(well bool, now time.Time) (partial bool) {
	if well != h.well || now.Sub(h.last) >= 2*wholeStep+step {
		h.well, h.since = well, now
	}
	h.last = now
	lasts := now.Sub(h.since)
	partial = !h.well && lasts >= partialAfter
	h.trust = partial || h.well && lasts >= trustAfter
	return partial
}

// Run does what is due, until ctx ends. Where nothing is, it looks only once in wholeStep: a
// node that is left alone costs nothing.
func (t *Table) Run(ctx context.Context) {
	next := time.NewTimer(step)
	defer next.Stop()
	due := time.Now().Add(step) // when it fires
	var h health
	var whole, named, swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.woken: // a step is never put off by what comes meanwhile
			if at := time.Now().Add(step); at.Before(due) {
				due = at
				next.Reset(step)
			}
			continue
		case <-next.C:
		}
		now := time.Now()
		_ = t.cfg.Contain("presence", func() {
			every := now.Sub(whole) >= wholeStep
			if every {
				whole = now
				t.lookAtOthers(&h, now)
				if now.Sub(swept) >= askEvery {
					swept = now
					t.sweep(now)
				}
				t.sayWatched(now, &named)
			}
			t.pass(now, every, h.trust)
		})
		due = whole.Add(wholeStep)
		next.Reset(time.Until(due))
	}
}

// isDue has the room looked at in the next step.
func (r *Room) isDue() {
	if r.due.Swap(true) {
		return
	}
	select {
	case r.table.woken <- struct{}{}:
	default: // it will look
	}
}

// lookAtOthers finds out whether other nodes can be heard. When they can be again, they are
// asked.
func (t *Table) lookAtOthers(h *health, now time.Time) {
	if t.cfg.Others == nil {
		return
	}
	was := h.well
	partial := h.look(t.cfg.Others.Healthy(), now)
	if h.well && !was {
		for _, r := range t.all() {
			t.Missed(r.id)
		}
		t.met.Store(true)
	}
	stays := t.partial.Load() && !h.trust // until those who are back had the time to say so
	if t.mending.Store(stays && h.well); !stays {
		t.partial.Store(partial)
	}
}

// sayWatched tells all nodes which rooms this one wants to know of: now and then, and where
// one has come that does not know, all of them; otherwise those that are new.
func (t *Table) sayWatched(now time.Time, said *time.Time) {
	if t.cfg.Others == nil || t.ended.Load() {
		return
	}
	t.mu.Lock()
	rooms := t.fresh
	t.fresh = nil
	t.mu.Unlock()
	if t.met.Swap(false) || now.Sub(*said) >= askEvery {
		*said, rooms = now, nil
		for _, r := range t.all() {
			r.mu.Lock()
			if !r.see.since.IsZero() {
				rooms = append(rooms, r.id)
			}
			r.mu.Unlock()
		}
	}
	if len(rooms) > 0 && !t.cfg.Others.PublishWatched(rooms) {
		t.met.Store(true) // all of them in the next look
	}
}

// sweep forgets what other nodes wanted to know.
func (t *Table) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, until := range t.elsewhere {
		if now.After(until) {
			delete(t.elsewhere, id)
		}
	}
	t.some.Store(len(t.rooms)+len(t.elsewhere) > 0)
}

// due returns the rooms where something is due, or all of them.
func (t *Table) due(all bool) (rooms []*Room) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, r := range t.rooms {
		if r.due.Swap(false) || all {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

func (t *Table) all() []*Room {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Collect(maps.Values(t.rooms))
}

// pass looks at the rooms where something may be due, or at every one.
func (t *Table) pass(now time.Time, every, trust bool) {
	if !t.some.Load() {
		return
	}
	left := passBytesMax
	for _, r := range t.due(every) {
		p := r.pass(now, &left, every, trust)
		for _, said := range p.say {
			if !t.publish(said) {
				r.dropped(said)
			}
		}
		wakeAll(p.wake)
		if p.unfollow && t.cfg.Others != nil {
			t.cfg.Others.Unfollow(r.id)
		}
		if p.over {
			t.remove(r, now)
		}
	}
}

// passed is what is left to do for a room without its lock.
type passed struct {
	say      []*Said
	wake     []Waker
	unfollow bool // what is said of the room is of no interest here any more
	over     bool // and the room is of none at all
}

// pass does what is due of one room. What is to be said is encoded later, as the loops take the
// room's lock, too.
func (r *Room) pass(now time.Time, left *int, every, trust bool) (p passed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if every {
		r.expire(now)
		if r.table.cfg.Others != nil {
			r.forget(now, trust)
		}
		if s := &r.see; !s.since.IsZero() && len(r.tell.watchers) == 0 && now.After(s.until) && r.settle(now) {
			r.see, r.tell, p.unfollow = seeing{}, telling{}, true
		}
	}
	if !r.table.ended.Load() {
		r.askDue(now, left)
		r.sayDue(now, left)
	}
	p.wake, p.over = r.tellDue(now), r.isOver(now)
	p.say, r.out = r.out, nil
	return p
}

// isOver reports whether nobody wants to know of the room any more, or only other nodes, which
// know that nobody is in it here.
func (r *Room) isOver(now time.Time) bool {
	s := &r.say
	return r.see.since.IsZero() && (now.After(s.asked) || len(r.here)+len(s.changed) == 0 && !s.whole && r.counted(now))
}

// remove takes a room away. While other nodes want to know of it, it stays for those who may
// have members of it soon.
func (t *Table) remove(r *Room, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	followed := t.cfg.Follows(r.id)
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := followed && now.Before(r.say.asked)
	if r.isOver(now) && !kept && t.rooms[r.id] == r {
		r.over = true
		delete(t.rooms, r.id)
		t.some.Store(len(t.rooms)+len(t.elsewhere) > 0)
	}
}
