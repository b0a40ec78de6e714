package room

import (
	"math"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// gap is a stretch of a room's events that listeners missed and that takes several
// reads of the store. Until the last of them it is filled by those alone, and what
// they have told is kept, a bit for each number: a message that is changed between
// two reads is in both of them, one that was changed before the first may be far
// behind its number.
type gap struct {
	from int64    // every message made up to this number was told before
	told []uint64 // messages made after it that have been told
}

// tell takes note of the messages that a batch tells.
func (g *gap) tell(b *Batch) {
	for i := range b.Events {
		e := &b.Events[i]
		n := e.made() - g.from
		if e.Kind != protocol.KindMessage || n <= 0 {
			continue
		}
		for int64(len(g.told)) <= n/64 {
			g.told = append(g.told, 0)
		}
		g.told[n/64] |= 1 << (n % 64)
	}
}

// knows says whether listeners have been told the message made at a number.
func (g *gap) knows(made int64) bool {
	n := made - g.from
	return n <= 0 || (n/64 < int64(len(g.told)) && g.told[n/64]&(1<<(n%64)) != 0)
}

// missing is what a repair is to read: the events of a room after a number.
type missing struct {
	born    int64 // of whom it is read for
	after   int64
	afterOf uuid.UUID // the message that event told; zero: not known
	gap     *gap      // nil: every message made up to after has been told
}

// knows says whether listeners have been told the message made at a number.
func (m *missing) knows(made int64) bool {
	if m.gap == nil {
		return made <= m.after
	}
	return m.gap.knows(made)
}

// hole is a room where batches are parked, this node's own perhaps among them.
type hole struct {
	room uuid.UUID
	born int64
	upTo int64 // the last of their events
}

// holes returns the holes that there are, and has them filled at once.
func (d *directory) holes() (holes []hole) {
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for id, f := range sh.rooms {
			if f.state == flowing {
				continue
			}
			h := hole{room: id, born: f.born}
			for _, b := range f.parked {
				h.upTo = max(h.upTo, b.Last())
			}
			if f.again {
				h.upTo = math.MaxInt64 // some were left out: all must be read
			}
			holes = append(holes, h)
			d.repair(id, 0)
		}
		sh.mu.Unlock()
	}
	return holes
}

// filled says whether what was parked behind a hole has been told, or dropped, or
// nobody is left to hear it.
func (d *directory) filled(h hole) bool {
	sh := d.shard(h.room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f := sh.rooms[h.room]
	return f == nil || f.born != h.born || f.state == flowing || f.last >= h.upTo
}
