package room

import (
	"sync"

	"github.com/google/uuid"
)

// A rewind is that the store has gone back behind what was told, as a failover to a
// copy does that lags, or a crash without durable commits. The events that are lost
// have numbers that are given again to others. A node finds it by the cursor at which
// its listeners stand, a client's by the message that it names with its number.

// rewound is what the operator is told of a rewind.
type rewound struct {
	room       uuid.UUID
	told, kept int64 // the room's number as it was told, and as the store had it when it was found out
}

// rewinds are those that the operator has not heard of yet.
type rewinds struct {
	mu    sync.Mutex
	fresh []rewound // at most rewindsMax
}

func (s *rewinds) add(r rewound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fresh) < rewindsMax {
		s.fresh = append(s.fresh, r)
	}
}

// news returns the rewinds since the last call.
func (s *rewinds) news() []rewound {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.fresh
	s.fresh = nil
	return fresh
}

// rewind ends a room for its listeners: they are told so, and nothing else. Who
// follows the room from now on begins where the sequencer stands.
func (h *hub) rewind(room uuid.UUID, r *subscribed, out step, w *wakes) {
	kept := r.seq.at.seq
	if len(out.deliver) > 0 {
		kept = out.deliver[0].Prev()
	}
	h.rewinds.add(rewound{room, out.told, kept})
	for _, l := range r.listeners {
		w.add(l.Rewound())
	}
	h.stats.Rewinds.Add(1)
	h.dropTail(r)
	r.gone, r.listeners = append(r.gone, r.listeners...), nil
	r.born = h.births.Add(1)
}

// note has each op remember what its room has been told before it is committed. The
// store had all that, so it numbers the op higher, unless it has gone back.
func (h *hub) note(ops []*Op) {
	for i, op := range ops {
		if i > 0 && ops[i-1].Room == op.Room {
			op.told = ops[i-1].told
			continue
		}
		op.told = h.standOf(op.Room)
	}
}
