package room

import "github.com/google/uuid"

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
		if e.Kind != EventMessage || n <= 0 {
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
