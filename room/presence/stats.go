package presence

import "sync/atomic"

type counters struct{ leftOut, said, full atomic.Int64 }

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	LeftOut int64 // frames of rooms that were not told in time because the loops did not keep up
	Said    int64 // what was said to other nodes
	Full    int64 // wishes to watch that were refused because too many rooms are watched

	RoomsNow   int  // rooms of which somebody wants to know who is there, on this node or on another one
	PartialNow bool // other nodes cannot be heard
}

// Stats returns the present figures.
func (t *Table) Stats() Stats {
	t.mu.RLock()
	rooms := len(t.rooms)
	t.mu.RUnlock()
	return Stats{LeftOut: t.stats.leftOut.Load(), Said: t.stats.said.Load(), Full: t.stats.full.Load(), RoomsNow: rooms, PartialNow: t.partial.Load()}
}
