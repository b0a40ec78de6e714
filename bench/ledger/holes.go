package ledger

import "slices"

// hole is a number of a room that nobody saw.
type hole struct {
	number int64
	of     *message   // whose it is; nil: nobody knows
	by     *candidate // the change that may have taken it; nil: none found
}

// candidate is an edit whose outcome nobody saw. If it took a number, then one
// that was not taken when it went out, and another edit of the same message has
// followed: otherwise the message would say at the end what it says.
type candidate struct {
	op     *op
	of     *message
	lo, hi int64
	took   *hole
	tried  int // the search that looked at it last
}

// holes explains the numbers of a room that nobody saw by the edits that may have
// taken them, one each, and returns those left. First each edit that was met with
// silence gets a number if that can be, since having been superseded explains it;
// then each number an edit. What has a partner keeps one.
func (l *Ledger) holes(id int, r *room) (left []int64) {
	var numbers []*hole
	for n := r.base + 1; n <= r.head; n++ {
		if m := r.events[n]; m == nil {
			numbers = append(numbers, &hole{number: n})
		} else if m.op != nil && !slices.ContainsFunc(m.revs, func(s state) bool { return s.number == n }) {
			numbers = append(numbers, &hole{number: n, of: m}) // told with what came later
		}
	}
	if numbers == nil {
		return nil
	}
	edits := l.candidates(id)
	search := 0
	for _, c := range edits {
		if c.op.kind == Edit && c.op.effects == 0 && (c.op.silent > 0 || c.op.granted != 0) {
			search++
			takeNumber(c, numbers, map[*hole]bool{})
		}
	}
	for _, h := range numbers {
		if h.by == nil && h.of == nil {
			search++
			if !findEdit(h, edits, search) {
				left = append(left, h.number)
			}
		}
	}
	for _, c := range edits {
		c.op.burnt = c.op.burnt || c.took != nil
	}
	return left
}

// candidates are the edits of a room that may have taken a number which nobody
// saw, those with the earliest end first.
func (l *Ledger) candidates(room int) (edits []*candidate) {
	for _, name := range sorted(l.ops) {
		o := l.ops[name]
		m := l.messages[o.about]
		if o.room != room || m == nil || o.kind == React {
			continue
		}
		lo, hi := max(m.seq, o.top)+1, m.last-1
		for unseen := o.attempts - o.denials - o.effects; unseen > 0 && lo <= hi; unseen-- {
			edits = append(edits, &candidate{op: o, of: m, lo: lo, hi: hi})
		}
	}
	edits = append(edits, l.summaries(room)...)
	slices.SortStableFunc(edits, func(a, b *candidate) int { return int(a.hi - b.hi) })
	return edits
}

func (c *candidate) mayTake(h *hole) bool {
	return h.number >= c.lo && h.number <= c.hi && (h.of == nil || h.of == c.of)
}

// takeNumber gives an edit a number, moving others to make room.
func takeNumber(c *candidate, numbers []*hole, tried map[*hole]bool) bool {
	for _, h := range numbers {
		if !c.mayTake(h) || tried[h] {
			continue
		}
		tried[h] = true
		if h.by == nil || takeNumber(h.by, numbers, tried) {
			h.by, c.took = c, h
			return true
		}
	}
	return false
}

// findEdit gives a number an edit, moving others to make room.
func findEdit(h *hole, edits []*candidate, search int) bool {
	for _, c := range edits {
		if !c.mayTake(h) || c.tried == search {
			continue
		}
		c.tried = search
		if c.took == nil || findEdit(c.took, edits, search) {
			h.by, c.took = c, h
			return true
		}
	}
	return false
}
