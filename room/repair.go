package room

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// repairs is the list of rooms whose missed events are to be read from the
// store. A room stands in it once; so it is bounded by the rooms followed.
type repairs struct {
	s *Service

	mu    sync.Mutex
	due   map[uuid.UUID]time.Time
	wake  chan struct{}
	slots chan struct{} // one element for each repair under way
	ended sync.WaitGroup
}

func newRepairs(s *Service) *repairs {
	return &repairs{s: s, due: make(map[uuid.UUID]time.Time), wake: make(chan struct{}, 1), slots: make(chan struct{}, repairersMax)}
}

// ask puts a room on the list, to be read when the delay is over unless the gap
// has been filled by then.
func (r *repairs) ask(room uuid.UUID, delay time.Duration) {
	at := time.Now().Add(delay)
	r.mu.Lock()
	if known, ok := r.due[room]; !ok || at.Before(known) {
		r.due[room] = at
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// next takes a room that is due off the list, or says how long to wait for one.
func (r *repairs) next() (room uuid.UUID, wait time.Duration, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait = time.Hour
	now := time.Now()
	for id, at := range r.due {
		if d := at.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		delete(r.due, id)
		return id, 0, true
	}
	return uuid.UUID{}, wait, false
}

// run starts repairs as they fall due, at most repairersMax at once, until ctx
// ends; then it waits for those under way.
func (r *repairs) run(ctx context.Context) {
	defer r.ended.Wait()
	for {
		room, wait, found := r.next()
		if found {
			select {
			case r.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			r.ended.Go(func() {
				defer func() { <-r.slots }()
				r.repair(ctx, room)
			})
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// repair reads a room's missed events and tells them. What fails is asked for again.
func (r *repairs) repair(ctx context.Context, room uuid.UUID) {
	if r.s.cfg.Congested() {
		r.ask(room, repairRetry)
		return
	}
	var todo read
	err := r.s.guard.Run("repair", func() error { return r.readAll(ctx, room, &todo) })
	if err == nil {
		return
	}
	r.s.stats.RepairErrors.Add(1)
	r.s.log.Warn("missed events could not be read", "room", room, "error", err)
	r.s.hub.endRead(room, todo, (*sequencer).fail)
	r.ask(room, repairRetry)
}

// readAll reads page by page, as the loops take them. todo is what it reads at
// present.
func (r *repairs) readAll(ctx context.Context, room uuid.UUID, todo *read) error {
	for counted := false; ; counted = true {
		var needed bool
		if *todo, needed = r.s.hub.beginRead(room); !needed {
			return nil
		}
		if !counted {
			r.s.stats.Repairs.Add(1)
		}
		t := r.s.store.Timeline()
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		walk, rewound, err := r.walk(look, room, todo, t)
		cancel()
		switch {
		case err != nil:
			return err
		case r.s.Superseded(t):
			return ErrSuperseded
		case rewound:
			r.s.hub.endRead(room, *todo, func(q *sequencer) step { return q.rewound(walk.Seq, t) })
			return nil
		}
		missed := encodeWalk(room, todo.from.seq, walk.Entries)
		r.s.hub.endRead(room, *todo, func(q *sequencer) step { return q.page(missed, walk.end(), walk.HasMore, t) })
		if !walk.HasMore {
			return nil
		}
		for r.s.cfg.Congested() && ctx.Err() == nil {
			time.Sleep(congestedPause)
		}
	}
}

// walk reads what comes after a cursor, and whether the store still has the cursor
// itself, and what is known ahead of it. It has not where another event has such a number, or where the room's own
// number is smaller. That it is smaller in a copy of the database, which may lag, is
// no proof: then the server is asked that takes writes. The timeline t was known before.
func (r *repairs) walk(ctx context.Context, room uuid.UUID, todo *read, t Timeline) (w Walk, rewound bool, err error) {
	limit := Limit{protocol.ResumeMessagesMax, r.s.cfg.HistoryBytes}
	w, err = r.s.store.Walk(ctx, WalkQuery{Room: room, After: todo.from.seq, Limit: limit, Known: todo.from.seq > 0})
	if err != nil {
		return w, false, err
	}
	if todo.refuted(&w) {
		return w, true, nil
	}
	if w.Seq < todo.upTo() {
		head, exists, err := r.s.store.Head(ctx, room)
		if err != nil {
			return w, false, err
		}
		if exists && head < todo.upTo() { // a room that is gone is left to the next look at rights
			w.Seq = head
			return w, true, nil
		}
	}
	if w.HasMore {
		if rewound, err = r.lacks(ctx, room, todo.doubtful(w.end().seq, t)); rewound || err != nil {
			return w, rewound, err
		}
	}
	if w.Seq > todo.from.seq || len(w.Entries) > 0 {
		err = r.s.store.Settled(ctx) // it may be of a commit that still waits, or was cut
	}
	return w, false, err
}

// lacks reports whether the store has another event than one of those that somebody was shown. Who
// was shown it must not be told what comes before it: that may be of another history.
func (r *repairs) lacks(ctx context.Context, room uuid.UUID, shown []shown) (bool, error) {
	for _, p := range shown {
		w, err := r.s.store.Walk(ctx, WalkQuery{Room: room, After: p.seq, Limit: Limit{Messages: 1}, Known: true})
		if err != nil {
			return false, err
		}
		if known := w.takeKnown(p.seq); known != nil && !p.matches(known.Row, known.MessageID) {
			return true, nil
		}
	}
	return false, nil
}

// read is what a repair is to read: the events of a room after a cursor.
type read struct {
	born    int64 // of whom it is read for
	from    cursor
	ahead   []shown
	doubted bool // the store may have gone back
}

// doubtful are the places beyond a number of which it is not known that the store has them, as it is on a
// timeline.
func (todo *read) doubtful(beyond int64, t Timeline) (places []shown) {
	for _, p := range todo.ahead {
		if p.seq > beyond && (todo.doubted || p.timeline < t) {
			places = append(places, p)
		}
	}
	return places
}

// upTo is the greatest number that the store must have.
func (todo *read) upTo() int64 { return furthest(todo.from.seq, todo.ahead) }

// refuted reports whether a walk shows that the store has another history than was told, or
// shown. It takes the entry that the read begins after off the walk.
func (todo *read) refuted(w *Walk) bool {
	if known := w.takeKnown(todo.from.seq); known != nil && !todo.from.matches(known.Row, known.MessageID) {
		return true
	}
	return len(todo.ahead) > 0 && slices.ContainsFunc(w.Entries, func(e LogEntry) bool {
		return refutes(todo.ahead, cursor{e.Seq, e.Row, e.MessageID})
	})
}

// beginRead returns what to read; false where nothing is missing, a read is under
// way, or nobody follows the room any more.
func (h *hub) beginRead(room uuid.UUID) (todo read, needed bool) {
	h.with(room, func(r *subscribed) {
		todo.born = r.born
		todo.from, needed = r.seq.begin()
		todo.ahead, todo.doubted = slices.Clone(r.seq.ahead), r.seq.state >= doubted
	})
	return todo, needed
}

// endRead puts what a read has led to into the room's sequencer, unless the room has
// begun anew since.
func (h *hub) endRead(room uuid.UUID, todo read, input func(*sequencer) step) {
	h.take(room, func(r *subscribed) step {
		if r.born != todo.born {
			return step{}
		}
		return input(&r.seq)
	})
}

// gap is a room that owes its listeners something.
type gap struct {
	room uuid.UUID
	born int64
	upTo int64
}

// gaps returns the rooms that owe something, and has them read at once.
func (h *hub) gaps() (all []gap) {
	h.each(func(id uuid.UUID, r *subscribed) {
		if r.seq.state != flowing {
			all = append(all, gap{id, r.born, r.seq.owes()})
		}
	})
	for _, g := range all {
		h.ask(g.room, 0)
	}
	return all
}

// paid says whether what a room owed has been told, or dropped, or nobody is left to
// hear it.
func (h *hub) paid(g gap) bool {
	paid := true
	h.with(g.room, func(r *subscribed) {
		paid = r.born != g.born || r.seq.state == flowing || r.seq.at.seq >= g.upTo
	})
	return paid
}
