package room

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// setback is what became of a room whose store went back behind what had been told,
// as a failover to a copy does that lags, or a crash without durable commits: the
// events after the number to, up to from, are gone, and their numbers are given
// again to others.
type setback struct {
	room     uuid.UUID
	from, to int64
	at       time.Time
}

// setbacks remembers them for a while, for clients who come back with a number that
// may be of the lost events: they go on from where those began, so that they miss
// none of the events that have the same numbers.
type setbacks struct {
	mu      sync.Mutex
	rooms   map[uuid.UUID]setback
	unheard []setback // by the operator
}

// add remembers a setback; with one of the same room they are as one.
func (s *setbacks) add(b setback) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unheard = append(s.unheard, b)
	known, again := s.rooms[b.room]
	if again {
		b.from, b.to = max(b.from, known.from), min(b.to, known.to)
	}
	if again || len(s.rooms) < setbacksMax {
		s.rooms[b.room] = b
	}
}

// since returns where a client goes on who says that it stands at a number, and may
// have got it before the store went back.
func (s *setbacks) since(room uuid.UUID, at int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.rooms[room]; ok && at > b.to && at <= b.from {
		return b.to
	}
	return at
}

// news returns the setbacks since the last call, and forgets those of long ago.
func (s *setbacks) news(now time.Time) []setback {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.rooms {
		if now.Sub(b.at) > setbackAgeMax {
			delete(s.rooms, id)
		}
	}
	unheard := s.unheard
	s.unheard = nil
	return unheard
}

// setBack ends a room for its listeners, as what they were told is not in the store
// any more: they are told so, and nothing else. Who follows the room from now on
// begins at the number last. From the number to on, events may be others than those
// that were told; below zero is from the beginning.
func (d *directory) setBack(f *followed, room uuid.UUID, to, last int64) {
	d.setbacks.add(setback{room: room, from: f.last, to: max(0, to), at: time.Now()}) // first: who is told comes back at once
	for _, l := range f.listeners {
		l.Rewound()
	}
	d.stats.SetBack.Add(1)
	d.dropTail(f)
	d.release(f, len(f.parked))
	*f = followed{gone: append(f.gone, f.listeners...), last: last, born: d.births.Add(1)}
}

// stands returns the number that a room's listeners were told last; zero where
// there are none.
func (d *directory) stands(room uuid.UUID) int64 {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.rooms[room]; f != nil {
		return f.last
	}
	return 0
}

// note has each op remember what its room has been told before it is committed. The
// store had all that, so it numbers the op higher, unless it has gone back.
func (d *directory) note(ops []*Op) {
	for i, op := range ops {
		if i > 0 && ops[i-1].Room == op.Room {
			op.told = ops[i-1].told
			continue
		}
		op.told = d.stands(op.Room)
	}
}

// contradicts says whether a batch has another message under the number that was
// told last. Of one store that cannot be, but of another deployment's notices.
func (f *followed) contradicts(b *Batch) bool {
	if b.Prev() >= f.last || b.Last() < f.last || f.lastOf == (uuid.UUID{}) {
		return false
	}
	for i := range b.Events {
		if b.Events[i].Seq == f.last {
			return b.Events[i].Message != f.lastOf
		}
	}
	return false
}

// proveSetBack sets a room back for whom a repair was begun, after the store, which
// stands at the number head, was found to have gone back. How far it had gone is not
// known, as it may have gone on since.
func (d *directory) proveSetBack(room uuid.UUID, m *missing, head int64) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.rooms[room]; f != nil && f.born == m.born {
		d.setBack(f, room, min(head, m.after)-setbackMargin, head)
	}
}
