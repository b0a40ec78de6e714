package room

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// watchStep is how often watch looks whether something is due.
const watchStep = time.Second

// watch does what has to be done every now and then, until ctx ends. What the operator
// has not heard by then is told last.
func (s *Service) watch(ctx context.Context) {
	tick := time.NewTicker(watchStep)
	defer tick.Stop()
	defer s.tellRewinds()
	last := polled{at: time.Now(), timeline: s.store.Timeline()}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			_ = s.guard.Call("watch", func() {
				if s.watchOnce(now, last.at, last.timeline) {
					last.at = now
					s.poll(ctx, &last)
				}
			})
		}
	}
}

// polled is how far polls have come.
type polled struct {
	at       time.Time              // when the last one was
	all      time.Time              // when all rooms were compared last; zero: they are to be
	timeline Timeline               // on which the last one was that was not ended early
	until    Moment                 // up to which that one has seen what was written
	births   int64                  // of the hub, before it
	again    map[uuid.UUID]struct{} // rooms of it that could not be read
}

// watchOnce forgets tails whose time is over, tells the operator of rewinds, and says
// whether a poll is due: at once where another primary has taken over.
func (s *Service) watchOnce(now, last time.Time, t Timeline) (due bool) {
	s.tellLimited(now)
	s.tellOverQuota(now)
	s.tellRewinds()
	every := pollHealthy
	if s.backplane != nil && !s.backplane.Healthy() {
		every = pollUnhealthy
	}
	if due = now.Sub(last) >= every-watchStep/2; due { // each of them looks at all rooms
		s.hub.dropTails(now)
		s.hub.dropNotices(now)
	}
	return due || t != s.store.Timeline()
}

// tellRewinds tells the operator of the rooms that were rewound since the last time.
func (s *Service) tellRewinds() {
	for _, r := range s.hub.rewinds.news() {
		s.log.Error("the database went back: what was told is not in it any more", "room", r.room, "told", r.told, "kept", r.kept)
	}
}

// poll looks into the store for events that nobody was told: other nodes' whose notice
// never came, and this node's whose commit succeeded unknown to it. The store says in one answer
// which rooms' numbers were written since the last poll. Of those where that is news, and of those
// that nobody followed then, it compares the number told last with the store's. All rooms
// are compared where the store cannot say it, where another primary has taken over, and now
// and then. A poll that is ended early is made good by the next one.
func (s *Service) poll(ctx context.Context, last *polled) {
	now, t, births := time.Now(), s.store.Timeline(), s.hub.births.Load()
	since := last.until
	if t != last.timeline || now.Sub(last.all) >= pollAllEvery {
		since = ""
	}
	numbers, err := s.numbersSince(ctx, since)
	if err != nil {
		s.log.Warn("it could not be read which rooms' numbers were written", "error", err)
		return
	}
	s.stats.NumbersWritten.Add(int64(len(numbers.Of)))
	rooms, stood := s.standing(&numbers, births, last)
	again, done := s.compare(ctx, rooms, stood, t)
	if !done {
		return
	}
	last.timeline, last.until, last.births, last.again = t, numbers.Until, births, again
	if numbers.All {
		last.all = now
	}
}

// standing returns the rooms that a poll has to compare, and where they stand. It looks at all that are followed only
// where it may be any of them.
func (s *Service) standing(numbers *Numbers, births int64, last *polled) (rooms []uuid.UUID, stood []int64) {
	which := func(id uuid.UUID, r *subscribed) bool {
		_, again := last.again[id]
		return again || r.born > last.births || numbers.concern(id, r.seq.at.seq)
	}
	if numbers.All || births != last.births {
		return s.hub.stands(which)
	}
	return s.hub.standsOf(func(yield func(uuid.UUID) bool) {
		for id := range numbers.Of {
			if !yield(id) {
				return
			}
		}
		for id := range last.again {
			if _, twice := numbers.Of[id]; !twice && !yield(id) {
				return
			}
		}
	}, which)
}

func (s *Service) numbersSince(ctx context.Context, since Moment) (numbers Numbers, err error) {
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err = s.guard.Run("look into the store", func() (err error) {
		numbers, err = s.store.NumbersSince(look, since)
		return err
	})
	return numbers, err
}

// compare compares rooms, which stood at those numbers, with the store on the timeline t. It returns
// those that could not be read, and true where the store could be asked for all.
func (s *Service) compare(ctx context.Context, rooms []uuid.UUID, stood []int64, t Timeline) (unread map[uuid.UUID]struct{}, done bool) {
	for len(rooms) > 0 {
		n := min(len(rooms), roundBatchMax)
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		heads, errs := inParts(look, s.guard, rooms[:n], s.store.Heads)
		cancel()
		s.stats.NumbersCompared.Add(int64(n))
		if failed := slices.IndexFunc(errs, func(err error) bool { return err != nil }); failed >= 0 {
			s.log.Warn("rooms' numbers could not be read", "room", rooms[failed], "error", errs[failed])
		}
		if s.Superseded(t) {
			return nil, false
		}
		for i, head := range heads {
			if errs != nil && errs[i] != nil {
				var err error
				if head.Seq, err = s.numberOf(ctx, rooms[i], errs[i]); err != nil && !errors.Is(err, ErrUnreadable) {
					return nil, false
				} else if err != nil {
					if unread == nil {
						unread = make(map[uuid.UUID]struct{})
					}
					unread[rooms[i]] = struct{}{} // until the next poll
					continue
				}
			}
			s.hub.looked(rooms[i], stood[i], head, t)
		}
		rooms, stood = rooms[n:], stood[n:]
	}
	return unread, true
}

// numberOf reads the number of a room of which a poll has failed, because the row cannot be
// read that the number belongs to.
func (s *Service) numberOf(ctx context.Context, room uuid.UUID, failed error) (seq int64, err error) {
	if !errors.Is(failed, ErrUnreadable) {
		return 0, failed
	}
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err = s.guard.Run("look into the store", func() (err error) {
		seq, _, err = s.store.Head(look, room)
		return err
	})
	return seq, err
}
