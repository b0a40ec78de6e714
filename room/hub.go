package room

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/unsent"
)

// hub knows, for every room that somebody on this node follows, who does. What
// comes for a room it puts through the room's sequencer, and tells its listeners what
// comes out.
//
// Each shard has a lock that is held for map and slice work only. Listeners are
// called under it, which is what keeps a room's order; loops are woken after it.
type hub struct {
	ask         func(uuid.UUID, time.Duration) // asks for a room to be read from the store, after a while
	timeline    func() Timeline                // the greatest that is known
	linksEnd    func() int64                   // of the links of attachments; nil: they have none
	online      func(room uuid.UUID) int       // how many users are in a room, as far as is known
	stats       *counters
	tailMax     Limit
	bytes       Bytes
	unsent      *unsent.Limit
	tailBytes   atomic.Int64
	parkedBytes atomic.Int64
	births      atomic.Int64 // how often a room began to be followed
	rewinds     rewinds
	shards      [64]shard
}

type shard struct {
	mu    sync.Mutex
	rooms map[uuid.UUID]*subscribed
	// missed are rooms whose listeners were not told of some read marks. They are told so with
	// the next ones.
	missed map[uuid.UUID]struct{}
	// tailed and noticed are rooms that may have a tail, and those of which notices were told: the
	// only ones that have to be looked at when such things are forgotten.
	tailed, noticed []*subscribed
}

// subscribed is a room with listeners on this node. Its shard's lock guards it.
type subscribed struct {
	listeners []Listener
	gone      []Listener // were told of a rewind, have not unfollowed yet, and hear nothing
	seq       sequencer
	tail      *tail // nil: nobody asked lately
	born      int64 // births when it began to be followed
	notices   notices
	tailed    bool // it is in the shard's tailed
	noticed   bool // likewise
}

func newHub(stats *counters, tailMax Limit, ask func(uuid.UUID, time.Duration)) *hub {
	h := &hub{ask: ask, timeline: func() Timeline { return 0 }, online: func(uuid.UUID) int { return 0 }, stats: stats, tailMax: tailMax, bytes: Bytes{}.withDefaults()}
	for i := range h.shards {
		h.shards[i].rooms = make(map[uuid.UUID]*subscribed)
	}
	return h
}

func (h *hub) shard(room uuid.UUID) *shard { return &h.shards[room[15]%64] }

// with calls f with a room, under its lock. It returns false where nobody follows
// the room.
func (h *hub) with(room uuid.UUID, f func(*subscribed)) bool {
	sh := h.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.rooms[room]
	if r != nil {
		f(r)
	}
	return r != nil
}

// withShard calls f with a room and its shard, where somebody follows the room.
func (h *hub) withShard(room uuid.UUID, f func(*shard, *subscribed)) {
	h.with(room, func(r *subscribed) { f(h.shard(room), r) })
}

// each calls f with every room that is followed, under its lock.
func (h *hub) each(f func(room uuid.UUID, r *subscribed)) {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		for id, r := range sh.rooms {
			f(id, r)
		}
		sh.mu.Unlock()
	}
}

// follow adds a listener, which is told every event after the number last: base
// where it is the room's first, otherwise where the room's listeners stand.
func (h *hub) follow(room uuid.UUID, base int64, l Listener) (last int64, first bool) {
	sh := h.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.rooms[room]
	if r == nil {
		r = &subscribed{seq: newSequencer(cursor{seq: base}, h.timeline()), born: h.births.Add(1)}
		sh.rooms[room] = r
		first = true
	}
	r.listeners = append(r.listeners, l)
	return r.seq.at.seq, first
}

// unfollow takes a listener away and returns true where it was the room's last.
func (h *hub) unfollow(room uuid.UUID, l Listener) (last bool) {
	sh := h.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.rooms[room]
	if r == nil {
		return false
	}
	if i := slices.Index(r.listeners, l); i >= 0 {
		r.listeners = slices.Delete(r.listeners, i, i+1)
	} else if i := slices.Index(r.gone, l); i >= 0 {
		r.gone = slices.Delete(r.gone, i, i+1)
	} else {
		return false
	}
	if len(r.listeners)+len(r.gone) > 0 {
		return false
	}
	h.dropTail(r)
	h.parkedBytes.Add(-r.seq.parkedBytes)
	r.seq.parked, r.notices.last = nil, nil // a sweep may come to it once more
	delete(sh.rooms, room)
	delete(sh.missed, room)
	return true
}

func (h *hub) follows(room uuid.UUID) bool { return h.with(room, func(*subscribed) {}) }

// sweep goes through those rooms of all shards that a list has, under their locks. Those for which keep returns false
// leave the list.
func (h *hub) sweep(list func(*shard) *[]*subscribed, keep func(*subscribed) bool) {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		of := list(sh)
		if *of = slices.DeleteFunc(*of, func(r *subscribed) bool { return !keep(r) }); len(*of) == 0 {
			*of = nil
		}
		sh.mu.Unlock()
	}
}

func (h *hub) len() (n int) {
	h.each(func(uuid.UUID, *subscribed) { n++ })
	return n
}

// stands returns those rooms that are followed and that which wants, and the greatest number that
// was told or shown of each.
func (h *hub) stands(which func(room uuid.UUID, r *subscribed) bool) (rooms []uuid.UUID, at []int64) {
	h.each(func(id uuid.UUID, r *subscribed) {
		if which(id, r) {
			rooms, at = append(rooms, id), append(at, r.seq.stands())
		}
	})
	return rooms, at
}

// standsOf returns the same of those among some rooms.
func (h *hub) standsOf(some iter.Seq[uuid.UUID], which func(room uuid.UUID, r *subscribed) bool) (rooms []uuid.UUID, at []int64) {
	for id := range some {
		h.with(id, func(r *subscribed) {
			if which(id, r) {
				rooms, at = append(rooms, id), append(at, r.seq.stands())
			}
		})
	}
	return rooms, at
}

// standOf returns the greatest number that was told or shown of a room; zero where it has
// no listeners.
func (h *hub) standOf(room uuid.UUID) (at int64) {
	h.with(room, func(r *subscribed) { at = r.seq.stands() })
	return at
}

// notify passes a notice on. It has no place in the order.
func (h *hub) notify(n *Notice) {
	var w wakes
	h.with(n.Room, func(r *subscribed) {
		for _, l := range r.listeners {
			w.add(l.Notify(n))
		}
	})
	w.wake()
}

// missed tells those with members that notices of the room may have been missed. Nobody is woken
// for that: it matters with the next round of checks.
func (h *hub) missed(room uuid.UUID) {
	h.with(room, func(r *subscribed) {
		for _, l := range r.listeners {
			if of, ok := l.(guarded); ok {
				of.missed()
			}
		}
	})
}

// announce takes a committed batch.
func (h *hub) announce(b *Batch, grace time.Duration) {
	h.take(b.Room, func(r *subscribed) step {
		return r.seq.batch(b, int64(h.bytes.Parked)-h.parkedBytes.Load(), grace)
	})
}

// looked says where the store's log of the room ends. What has not been told is read,
// as no batch shows that it is missing. stood is what standOf returned
// before the look, and t the timeline that was known then.
func (h *hub) looked(room uuid.UUID, stood int64, head Head, t Timeline) {
	h.take(room, func(r *subscribed) step { return r.seq.look(stood, head, t) })
}

// show notes that somebody is shown what was read of a room, up to a place. The read began
// after so many births, on that timeline. False: another primary has taken over since, or the room was told
// more by a former one, and nobody is to be shown it.
func (h *hub) show(room uuid.UUID, c cursor, births int64, t Timeline) bool {
	lacks := false
	h.take(room, func(r *subscribed) (out step) {
		if h.mayShow(r, births, t) {
			lacks = r.seq.lacks(c, t)
			r.seq.show(c, t, &out)
		}
		return out
	})
	return !lacks && t >= h.timeline()
}

// mayShow reports whether what such a read has found may be of the history that the room
// is told.
func (h *hub) mayShow(r *subscribed, births int64, t Timeline) bool {
	return r.born <= births && t >= max(r.seq.timeline, h.timeline())
}

// lacksRow reports whether it matters which row a room has under a number, and is not known.
func (h *hub) lacksRow(room uuid.UUID, seq int64) (yes bool) {
	h.with(room, func(r *subscribed) {
		yes = seq > r.seq.at.seq || seq == r.seq.at.seq && r.seq.at.row == (uuid.UUID{})
	})
	return yes
}

// take puts an input into a room's sequencer and does what its step says.
func (h *hub) take(room uuid.UUID, input func(*subscribed) step) {
	var w wakes
	h.with(room, func(r *subscribed) {
		parked, timeline := r.seq.parkedBytes, r.seq.timeline
		out := input(r)
		if r.seq.timeline > timeline {
			h.dropTail(r) // it may be of the former primary, and have more than was told
		}
		h.parkedBytes.Add(r.seq.parkedBytes - parked)
		h.count(&out)
		if out.rewound {
			h.rewind(room, r, out, &w)
		}
		for _, b := range out.deliver {
			h.tell(r, b, &w)
		}
		if out.read {
			h.ask(room, out.delay)
		}
	})
	w.wake()
}

func (h *hub) count(out *step) {
	h.stats.ParkedDropped.Add(out.dropped)
	h.stats.Superseded.Add(out.old)
	if out.repeat {
		h.stats.Repeats.Add(1)
	}
	if out.gap {
		h.stats.Gaps.Add(1)
	}
}

// tell hands a batch to the room's listeners.
func (h *hub) tell(r *subscribed, b *Batch, w *wakes) {
	for _, l := range r.listeners {
		w.add(l.Deliver(b))
	}
	if r.tail == nil {
		return
	}
	grown, current := r.tail.add(b.Events, b.compact)
	if h.tailBytes.Add(grown) > int64(h.bytes.Tails) || !current {
		h.dropTail(r) // it is read anew when asked for
	}
}

// wakes are those whom the calls under a lock have queued something for. They are
// woken after it, as that is a system call.
type wakes struct {
	n    int
	few  [8]Waker
	more []Waker
}

func (w *wakes) add(x Waker) {
	switch {
	case x == nil:
	case w.n < len(w.few):
		w.few[w.n] = x
		w.n++
	default:
		w.more = append(w.more, x)
	}
}

func (w *wakes) wake() {
	for _, x := range w.few[:w.n] {
		x.Wake()
	}
	for _, x := range w.more {
		x.Wake()
	}
}
