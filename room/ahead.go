package room

import (
	"cmp"
	"slices"
)

// shown is a place in a room's log that somebody on this node knows before the room has
// been told: from a history, a page, or the answer to an own op whose batch is parked. Who
// knows it skips what is told up to it. So it must be in the history that is told.
type shown struct {
	cursor
	timeline Timeline // on which the store had it
}

// show takes that somebody is shown what the store has up to a place, as it was on a
// timeline. Of each timeline the furthest place is kept, until the room is told as much.
// Where too many primaries have taken over meanwhile, the room begins anew.
func (s *sequencer) show(c cursor, t Timeline, out *step) {
	i, found := slices.BinarySearchFunc(s.ahead, t, func(p shown, t Timeline) int { return cmp.Compare(p.timeline, t) })
	switch {
	case s.lacks(c, t):
		s.doubt(out)
	case c.seq < s.at.seq:
	case c.seq == s.at.seq:
		s.compare(&s.at, c, out)
	case found && c.seq == s.ahead[i].seq:
		s.compare(&s.ahead[i].cursor, c, out)
	case found:
		if c.seq > s.ahead[i].seq {
			s.ahead[i].cursor = c
		}
	case len(s.ahead) < aheadMax:
		s.ahead = slices.Insert(s.ahead, i, shown{c, t})
	default:
		s.rewind(c, max(s.timeline, t), out)
	}
}

// lacks reports whether the store as it was on a greater timeline ends before what was told. It has
// another history then: who is shown it must not hear what was told after that place.
func (s *sequencer) lacks(c cursor, t Timeline) bool { return t > s.timeline && c.seq < s.at.seq }

// compare adds to a cursor what another one of the same place knows, or has the room compared
// with the store where they are not of one history.
func (s *sequencer) compare(known *cursor, c cursor, out *step) {
	if !known.matches(c.row, c.message) {
		s.doubt(out)
		return
	}
	known.learn(c)
}

// pass forgets the places up to which the room has been told.
func (s *sequencer) pass() {
	s.ahead = slices.DeleteFunc(s.ahead, func(p shown) bool { return p.seq <= s.at.seq })
}

// stands is the greatest number that somebody on this node knows of the room's.
func (s *sequencer) stands() int64 { return furthest(s.at.seq, s.ahead) }

// furthest is the greatest number of a cursor and of places ahead of it.
func furthest(at int64, ahead []shown) int64 {
	for i := range ahead {
		at = max(at, ahead[i].seq)
	}
	return at
}

// refutes reports whether what stands under a number is not what somebody was shown.
func refutes(ahead []shown, at cursor) bool {
	return slices.ContainsFunc(ahead, func(p shown) bool { return p.seq == at.seq && !p.matches(at.row, at.message) })
}
