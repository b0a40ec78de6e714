package room

import (
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/presence"
)

// newPresence makes what knows who is where.
func (s *Service) newPresence() *presence.Table {
	cfg := presence.Config{
		List: s.cfg.PresenceList, Grace: s.cfg.PresenceGrace, Follows: s.hub.follows, Census: s.hub.census,
		Congested: s.cfg.Congested, Contain: s.guard.Call,
	}
	if s.backplane != nil {
		cfg.Others = s.backplane
	}
	return presence.New(cfg)
}

// census has the listeners of a room count their members into it.
func (h *hub) census(p *presence.Room) {
	var w wakes
	h.with(p.ID(), func(r *subscribed) {
		for _, l := range r.listeners {
			if of, ok := l.(guarded); ok {
				p.Expect()
				w.add(of.count(p))
			}
		}
	})
	w.wake()
}

// WatchPresence tells w who is in a room, until UnwatchPresence. False: too many rooms are
// watched.
func (s *Service) WatchPresence(room uuid.UUID, w presence.Watcher) bool {
	return s.presence.Watch(room, w)
}

// UnwatchPresence ends a WatchPresence. What was told before may still be on its way.
func (s *Service) UnwatchPresence(room uuid.UUID, w presence.Watcher) { s.presence.Unwatch(room, w) }

// LeavePresence says farewell to the other nodes: the users who were here are not there any
// more, unless they come to another one. Nothing more is said of them.
func (s *Service) LeavePresence() { s.presence.Leave() }
