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
				if s.watchOnce(now, last) {
					last.at = now
					if t := s.store.Timeline(); s.poll(ctx, t) {
						last.timeline = t
					}
				}
			})
		}
	}
}

// polled is when the last poll was, and the timeline on which the last one was that saw
// all rooms.
type polled struct {
	at       time.Time
	timeline Timeline
}

// watchOnce forgets tails whose time is over, tells the operator of rewinds, and says
// whether a poll is due: at once where another primary has taken over.
func (s *Service) watchOnce(now time.Time, last polled) (due bool) {
	s.hub.dropTails(now)
	s.hub.dropNotices(now)
	s.tellLimited(now)
	s.tellOverQuota(now)
	s.tellRewinds()
	every := pollHealthy
	if s.backplane != nil && !s.backplane.Healthy() {
		every = pollUnhealthy
	}
	return now.Sub(last.at) >= every-watchStep/2 || last.timeline != s.store.Timeline()
}

// tellRewinds tells the operator of the rooms that were rewound since the last time.
func (s *Service) tellRewinds() {
	for _, r := range s.hub.rewinds.news() {
		s.log.Error("the database went back: what was told is not in it any more", "room", r.room, "told", r.told, "kept", r.kept)
	}
}

// poll looks into the store for events that nobody was told: other nodes' whose notice
// never came, and this node's whose commit succeeded unknown to it. It compares the
// number told last in each followed room with the store's, on the timeline t. It returns true
// where the store could be asked for all rooms.
func (s *Service) poll(ctx context.Context, t Timeline) (all bool) {
	rooms, stood := s.hub.stands()
	for len(rooms) > 0 {
		n := min(len(rooms), roundBatchMax)
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		heads, errs := inParts(look, s.guard, rooms[:n], s.store.Heads)
		cancel()
		if failed := slices.IndexFunc(errs, func(err error) bool { return err != nil }); failed >= 0 {
			s.log.Warn("rooms' numbers could not be read", "room", rooms[failed], "error", errs[failed])
		}
		if s.Superseded(t) {
			return false
		}
		for i, head := range heads {
			if errs != nil && errs[i] != nil {
				var err error
				if head.Seq, err = s.numberOf(ctx, rooms[i], errs[i]); err != nil && !errors.Is(err, ErrUnreadable) {
					return false
				} else if err != nil {
					continue // until the next poll
				}
			}
			s.hub.looked(rooms[i], stood[i], head, t)
		}
		rooms, stood = rooms[n:], stood[n:]
	}
	return true
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
