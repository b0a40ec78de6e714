package room

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

var _ Inbound = (*Service)(nil)

// Announce implements Inbound. While the listeners do not keep up the batch is
// left out: the slow poll, or the gap that it leaves, has it read from the store.
func (s *Service) Announce(b *Batch) {
	if s.cfg.Congested() {
		s.stats.LeftOut.Add(1)
		return
	}
	s.hub.announce(b, s.grace())
}

// AnnounceNotice implements Inbound. While the listeners do not keep up the notice
// is left out: nobody wants it late.
func (s *Service) AnnounceNotice(n *Notice) {
	if s.cfg.Congested() {
		s.stats.NoticesLeftOut.Add(1)
		return
	}
	s.hub.notify(n)
}

// CatchUp implements Inbound: rooms that may have been missed together, as when
// a connection to Redis was made anew, are compared with the store in few looks.
// A look that fails is made up for by the slow poll.
func (s *Service) CatchUp(room uuid.UUID) {
	stood := s.hub.standOf(room)
	s.heads.do(room, nil, func(head Head, err error) {
		if err == nil {
			s.hub.looked(room, stood, head)
		}
	})
}

// watch does what has to be done every now and then: it forgets tails whose time
// is over, and looks into the store for events that nobody was told: other nodes'
// whose notice never came, and this node's whose commit succeeded unknown to it.
func (s *Service) watch(ctx context.Context) {
	const step = time.Second
	tick := time.NewTicker(step)
	defer tick.Stop()
	for polled := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.hub.dropTails(now)
			for _, r := range s.hub.rewinds.news() {
				s.log.Error("the database went back: what was told is not in it any more", "room", r.room, "told", r.told, "kept", r.kept)
			}
			every := pollHealthy
			if s.backplane != nil && !s.backplane.Healthy() {
				every = pollUnhealthy
			}
			if now.Sub(polled) < every-step/2 {
				continue
			}
			polled = now
			s.poll(ctx)
		}
	}
}

// poll compares the number told last in each followed room with the store's.
func (s *Service) poll(ctx context.Context) {
	rooms, stood := s.hub.stands()
	for len(rooms) > 0 {
		n := min(len(rooms), roundBatchMax)
		look, cancel := context.WithTimeout(ctx, lookupTimeout)
		heads, errs := inParts(look, rooms[:n], s.store.Heads)
		cancel()
		if failed := slices.IndexFunc(errs, func(err error) bool { return err != nil }); failed >= 0 {
			s.log.Warn("rooms' numbers could not be read", "room", rooms[failed], "err", errs[failed])
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
