package room

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// directory knows, for every room that somebody on this node follows, who does
// and which number they were told last. It turns batches that may come twice,
// late or not at all into events that come once, in order and without holes.
//
// Each shard has a lock that is held for map and slice work only; listeners are
// called under it, which is what keeps a room's order.
type directory struct {
	repair      func(uuid.UUID, time.Duration) // asks for a room to be read from the store, after a while
	stats       *counters
	tailMax     int // messages in a tail
	tailBytes   atomic.Int64
	parkedBytes atomic.Int64
	setbacks    setbacks
	births      atomic.Int64 // how often a room began to be followed
	shards      [64]shard
}

type shard struct {
	mu    sync.Mutex
	rooms map[uuid.UUID]*followed
}

// followed is a room with listeners on this node. Its shard's lock guards it.
type followed struct {
	listeners []Listener
	gone      []Listener // were told of a setback, have not unfollowed yet, and hear nothing
	last      int64      // every event up to this number has been told
	lastOf    uuid.UUID  // the message that the last of them told; zero: none was told yet
	state     followState
	parked    []*Batch // waiting for a hole to be filled, by Prev
	again     bool     // something came during the repair that it may not have seen
	doubted   bool     // the store may have gone back: nothing is told until it was asked
	vain      int      // repairs in a row that told nothing and left batches parked
	gap       *gap     // what is being read page by page; nil: nothing
	tail      *tail    // nil: nobody asked lately
	born      int64    // births when it began to be followed
}

// followState says whether a room's events flow.
type followState uint8

const (
	flowing   followState = iota // batches are told as they come
	waiting                      // a hole: batches are parked until it is filled
	repairing                    // the store is being read to fill it
)

func newDirectory(stats *counters, tailMax int, repair func(uuid.UUID, time.Duration)) *directory {
	d := &directory{repair: repair, stats: stats, tailMax: tailMax, setbacks: setbacks{rooms: make(map[uuid.UUID]setback)}}
	for i := range d.shards {
		d.shards[i].rooms = make(map[uuid.UUID]*followed)
	}
	return d
}

func (d *directory) shard(room uuid.UUID) *shard { return &d.shards[room[15]%64] }

// follow adds a listener, which is told every event after the number last: base
// where it is the room's first, otherwise where the room's listeners stand.
func (d *directory) follow(room uuid.UUID, base int64, l Listener) (last int64, first bool) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil {
		f = &followed{last: base, born: d.births.Add(1)}
		sh.rooms[room] = f
		first = true
	}
	f.listeners = append(f.listeners, l)
	return f.last, first
}

// unfollow takes a listener away and returns true where it was the room's last.
func (d *directory) unfollow(room uuid.UUID, l Listener) (last bool) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil {
		return false
	}
	if i := slices.Index(f.listeners, l); i >= 0 {
		f.listeners = slices.Delete(f.listeners, i, i+1)
	} else if i := slices.Index(f.gone, l); i >= 0 {
		f.gone = slices.Delete(f.gone, i, i+1)
	} else {
		return false
	}
	if len(f.listeners)+len(f.gone) > 0 {
		return false
	}
	d.dropTail(f)
	d.release(f, len(f.parked))
	delete(sh.rooms, room)
	return true
}

func (d *directory) follows(room uuid.UUID) bool {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.rooms[room] != nil
}

func (d *directory) len() int {
	n := 0
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		n += len(sh.rooms)
		sh.mu.Unlock()
	}
	return n
}

// followed returns the rooms that are followed, and where each stands.
func (d *directory) followed() (rooms []uuid.UUID, stand []int64) {
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for id, f := range sh.rooms {
			rooms, stand = append(rooms, id), append(stand, f.last)
		}
		sh.mu.Unlock()
	}
	return rooms, stand
}

// notify passes a notice on. It has no place in the order.
func (d *directory) notify(n *Notice) {
	sh := d.shard(n.Room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.rooms[n.Room]; f != nil {
		for _, l := range f.listeners {
			l.Notify(n)
		}
	}
}

// announce tells a committed batch, or parks it when something before it is
// missing, or leaves it out when it was told already. A batch that this node has
// committed, and that comes before what was told when its transaction had not begun,
// proves that the store has gone back, if not how far; another node's may only be late.
func (d *directory) announce(b *Batch, grace time.Duration) {
	sh := d.shard(b.Room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[b.Room]
	if f == nil {
		return
	}
	switch {
	case b.Prev() < min(b.told, f.last):
		d.setBack(f, b.Room, b.Prev()-setbackMargin, b.Prev())
		d.tell(f, b)
	case f.contradicts(b):
		f.doubted = true
		d.doubt(f, b.Room)
	case b.Last() <= f.last:
		d.stats.Repeats.Add(1)
	case b.Prev() <= f.last && f.gap == nil && !f.doubted:
		d.tell(f, b)
		d.unpark(f)
	default:
		d.park(f, b)
		if f.state == flowing {
			d.stats.Holes.Add(1)
			f.state = waiting
			d.repair(b.Room, grace)
		}
	}
}

// looked says that the store has events of the room up to head. Where they have
// not been told, they are asked for, as no batch shows that they are missing; and so
// they are where the listeners stood at a greater number before the look.
func (d *directory) looked(room uuid.UUID, stood, head int64) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil {
		return
	}
	if head < min(stood, f.last) {
		f.doubted = true
	}
	if f.doubted || head > f.last {
		d.doubt(f, room)
	}
}

// doubt has a room compared with the store.
func (d *directory) doubt(f *followed, room uuid.UUID) {
	switch f.state {
	case flowing:
		f.state = waiting
		d.repair(room, 0)
	case waiting:
		d.repair(room, 0)
	case repairing:
		f.again = true // the read under way may be too old
	}
}

// tell hands the part of b that is new, of which there is some, to the listeners.
func (d *directory) tell(f *followed, b *Batch) {
	if b.Prev() < f.last {
		b = b.After(f.last)
	}
	for _, l := range f.listeners {
		l.Deliver(b)
	}
	f.last, f.lastOf = b.Last(), b.Events[len(b.Events)-1].Message
	if f.tail == nil {
		return
	}
	grown, current := f.tail.add(b.Events)
	if d.tailBytes.Add(grown) > tailBytesMax || !current {
		d.dropTail(f) // it is read anew when asked for
	}
}

// park keeps a batch until the hole before it is filled.
func (d *directory) park(f *followed, b *Batch) {
	size := b.bytes()
	if len(f.parked) >= parkedBatchesMax || d.parkedBytes.Load()+size > parkedBytesMax {
		d.stats.ParkedDropped.Add(1)
		f.again = true // it has to be read from the store
		return
	}
	i, _ := slices.BinarySearchFunc(f.parked, b.Prev(), func(p *Batch, prev int64) int { return cmp.Compare(p.Prev(), prev) })
	f.parked = slices.Insert(f.parked, i, b)
	d.parkedBytes.Add(size)
}

// release forgets the first n batches that are parked.
func (d *directory) release(f *followed, n int) {
	for _, b := range f.parked[:n] {
		d.parkedBytes.Add(-b.bytes())
	}
	f.parked = slices.Delete(f.parked, 0, n)
}

// unpark tells what the filled hole held up. Events flow again when nothing is
// left.
func (d *directory) unpark(f *followed) {
	n := 0
	for n < len(f.parked) && f.parked[n].Prev() <= f.last {
		if f.parked[n].Last() > f.last {
			d.tell(f, f.parked[n])
		}
		n++
	}
	d.release(f, n)
	if len(f.parked) == 0 {
		f.parked, f.vain = nil, 0
		if f.state == waiting && !f.again {
			f.state = flowing
		}
	}
}

// beginRepair returns what to read; false where the hole is filled already, is
// being filled, or nobody follows the room any more. Whatever asked for the repair
// under way did so before that began, or says with again that it may see too little.
func (d *directory) beginRepair(room uuid.UUID) (m missing, needed bool) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil || f.state != waiting {
		return missing{}, false
	}
	f.state = repairing
	f.again = false
	return missing{born: f.born, after: f.last, afterOf: f.lastOf, gap: f.gap}, true
}

// endRepair tells what was read, and what waited for it. It returns false where
// more must be read, at once or after the pause: b was not all (more), or
// something came meanwhile that the read may not have seen.
//
// A batch whose predecessor the store does not get to know for long is not of
// this store: somebody else's notices come this way. It is dropped.
func (d *directory) endRepair(room uuid.UUID, m missing, b *Batch, more bool) (whole bool, pause time.Duration) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[room]
	if f == nil || f.born != m.born {
		return true, 0
	}
	f.vain++
	if more && f.gap == nil {
		f.gap = &gap{from: f.last}
	}
	if b != nil && b.Last() > f.last {
		d.tell(f, b)
		f.vain = 0
		if more {
			f.gap.tell(b)
		}
	}
	if more {
		f.state = waiting
		return false, 0
	}
	f.gap = nil
	if f.doubted && f.again { // since the read: what is parked must not hide what was told last
		f.state = waiting
		return false, 0
	}
	f.doubted = false
	d.unpark(f)
	if len(f.parked) > 0 && f.vain >= vainRepairsMax {
		d.stats.ParkedDropped.Add(int64(len(f.parked)))
		d.release(f, len(f.parked))
		f.parked, f.vain = nil, 0
	}
	if f.again || len(f.parked) > 0 {
		f.state = waiting
		return false, min(repairGrace<<f.vain, repairRetry)
	}
	f.state = flowing
	return true, 0
}

// failRepair puts the room back among those that wait.
func (d *directory) failRepair(room uuid.UUID, m missing) {
	sh := d.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.rooms[room]; f != nil && f.born == m.born {
		f.state = waiting
	}
}
