package room

import (
	"context"
	"errors"
	"slices"
	"time"
)

// watchStep is how often watch looks whether something is due.
const watchStep = time.Second

// watch does what has to be done every now and then, until ctx ends.
func (s *Service) watch(ctx context.Context) {
	tick := time.NewTicker(watchStep)
	defer tick.Stop()
	polled := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			_ = s.guard.Call("watch", func() {
				if s.watchOnce(now, polled) {
					polled = now
					s.poll(ctx)
				}
			})
		}
	}
}

// watchOnce forgets tails whose time is over, tells the operator of rewinds, and says
// whether a poll is due.
func (s *Service) watchOnce(now, polled time.Time) (due bool) {
	s.hub.dropTails(now)
	s.hub.dropNotices(now)
	s.tellLimited(now)
	s.tellOverQuota(now)
	for _, r := range s.hub.rewinds.news() {
		s.log.Error("the database went back: what was told is not in it any more", "room", r.room, "told", r.told, "kept", r.kept)
	}
	every := pollHealthy
	if s.backplane != nil && !s.backplane.Healthy() {
		every = pollUnhealthy
	}
	return now.Sub(polled) >= every-watchStep/2
}

// poll looks into the store for events that nobody was told: other nodes' whose notice
// never came, and this node's whose commit succeeded unknown to it. It compares the
// number told last in each followed room with the store's.
func (s *Service) poll(ctx context.Context) {
	rooms, stood := s.hub.stands()
	for len(rooms) > 0 {
		n := min(len(rooms), roundBatchMax)
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		heads, errs := inParts(look, s.guard, rooms[:n], s.store.Heads)
		cancel()
		if failed := slices.IndexFunc(errs, func(err error) bool { return err != nil }); failed >= 0 {
			s.log.Warn("rooms' numbers could not be read", "room", rooms[failed], "error", errs[failed])
		}
		for i, head := range heads {
			switch {
			case errs == nil || errs[i] == nil:
				s.hub.looked(rooms[i], stood[i], head)
			case !errors.Is(errs[i], ErrUnreadable):
				return
			}
		}
		rooms, stood = rooms[n:], stood[n:]
	}
}
