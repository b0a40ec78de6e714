package room

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/presence"
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
// is left out: nobody wants it late. What comes more often than any node lets a user
// tell is left out, too.
func (s *Service) AnnounceNotice(n *Notice) {
	switch congested := s.cfg.Congested(); {
	case n.Kind == protocol.KindRead && congested:
		s.stats.NoticesLeftOut.Add(1)
		s.hub.missReads(n.Room)
	case n.Kind == protocol.KindRead:
		s.hub.tellReads(n)
	case congested:
		s.stats.NoticesLeftOut.Add(1)
	case !s.hub.tellsRelayed(n, time.Now()):
		s.stats.NoticesRepeated.Add(1)
	default:
		s.hub.notify(n)
	}
}

// AnnouncePresence implements Inbound. It is taken in any case: watchers are told of it when the
// listeners keep up.
func (s *Service) AnnouncePresence(said *presence.Said) { s.presence.Hear(said) }

// AnnounceWatched implements Inbound.
func (s *Service) AnnounceWatched(rooms []uuid.UUID) { s.presence.Watched(rooms) }

// Met implements Inbound.
func (s *Service) Met() { s.presence.Met() }

// CatchUp implements Inbound: rooms that may have been missed together, as when
// a connection to Redis was made anew, are compared with the store in few looks.
// A look that fails is made up for by the slow poll.
func (s *Service) CatchUp(room uuid.UUID) {
	s.presence.Missed(room)
	s.hub.missed(room)
	stood, t := s.hub.standOf(room), s.store.Timeline()
	s.heads.do(room, asker[Head]{done: func(head Head, err error) {
		if err == nil && !s.Superseded(t) {
			s.hub.looked(room, stood, head, t)
		}
	}})
}
