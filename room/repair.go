package room

import (
	"context"
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

// ask puts a room on the list, to be read when the delay is over unless the hole
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

// repair reads a room's missed events and tells them.
func (r *repairs) repair(ctx context.Context, room uuid.UUID) {
	if r.s.cfg.Congested() {
		r.ask(room, repairRetry)
		return
	}
	m, needed := r.s.dir.beginRepair(room)
	if !needed {
		return
	}
	r.s.stats.Repairs.Add(1)
	for {
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		page, setBack, err := r.read(look, room, &m)
		cancel()
		if err != nil {
			r.s.stats.RepairErrors.Add(1)
			r.s.log.Warn("missed events could not be read", "room", room, "err", err)
			r.s.dir.failRepair(room, m)
			r.ask(room, repairRetry)
			return
		}
		if setBack {
			r.s.dir.proveSetBack(room, &m, page.Seq)
			return
		}
		whole, pause := r.s.dir.endRepair(room, m, encodeMissed(room, &m, page.Messages), page.HasMore)
		if whole {
			return
		}
		if !page.HasMore {
			// Something came that this read had not seen: another look, once its
			// own announcement has had time to fill the hole.
			r.ask(room, pause)
			return
		}
		for r.s.cfg.Congested() && ctx.Err() == nil {
			time.Sleep(congestedPause) // page by page, as the loops take them
		}
		if m, needed = r.s.dir.beginRepair(room); !needed {
			return
		}
	}
}

// read reads what a room misses, and whether the store still has what was told last.
// It has not where another message has that number, or where the room's own number
// is smaller. That it is smaller in a copy of the database, which may lag, is no
// proof: then the server is asked that takes writes.
func (r *repairs) read(ctx context.Context, room uuid.UUID, m *missing) (page Page, setBack bool, err error) {
	page, err = r.s.store.Since(ctx, room, max(m.after-1, 0), protocol.ResumeMessagesMax)
	if err != nil {
		return page, false, err
	}
	if len(page.Messages) > 0 && page.Messages[0].Rev == m.after {
		known := page.Messages[0].ID
		page.Messages = page.Messages[1:]
		if m.afterOf != (uuid.UUID{}) && known != m.afterOf {
			return page, true, nil
		}
	}
	if page.Seq >= m.after {
		if len(page.Messages) > 0 {
			err = r.s.store.Settled(ctx) // it may be of a commit that still waits, or was cut
		}
		return page, false, err
	}
	head, exists, err := r.s.store.Head(ctx, room)
	if err != nil || !exists || head >= m.after {
		return page, false, err // a room that is gone is left to the next look at rights
	}
	page.Seq = head
	return page, true, nil
}
