package room

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// cursor is a place in a room's log: a number, and what stands there. It proves
// itself: a database that has another row under the number has another history.
type cursor struct {
	seq     int64
	row     uuid.UUID // the id of the event's row; zero: not known
	message uuid.UUID // the message that the event made or changed; zero: none, or not known
}

// after is the cursor of a batch's last event.
func (b *Batch) after() cursor {
	e := &b.Events[len(b.Events)-1]
	return cursor{e.Seq, e.Row, e.Message}
}

// matches reports whether a row may be the one that the cursor stands at. What is
// not known matches.
func (c cursor) matches(row, message uuid.UUID) bool {
	var unknown uuid.UUID
	if c.row != unknown && row != unknown {
		return c.row == row
	}
	return c.message == unknown || message == unknown || c.message == message
}

// learn takes what another cursor of the same place knows.
func (c *cursor) learn(from cursor) {
	if c.row == (uuid.UUID{}) {
		c.row = from.row
	}
	if c.message == (uuid.UUID{}) {
		c.message = from.message
	}
}

// sequencer turns the batches of one room, which may come twice, late or not at
// all, into events that are told once, in order, without gaps. It does no I/O, takes
// no lock and calls nobody: each input returns the step that its owner takes.
//
// The order of truth is that of timelines, and on one timeline that of numbers. What was
// told on a lower timeline is compared with the store before anything is told of a
// greater one, and what comes of a lower one is not told.
type sequencer struct {
	state       sequencerState
	at          cursor   // what there is to tell up to its number has been told
	timeline    Timeline // the greatest on which at is known to have its place
	told        int64    // the number that was told last
	ahead       []shown  // beyond at; by timeline, at most one of each
	goal        int64    // numbers up to this one are known to be in the store
	parked      []*Batch // they wait for what comes before them; by Prev
	parkedBytes int64
	vain        int // reads in a row that led no further
}

func newSequencer(at cursor, t Timeline) sequencer {
	return sequencer{at: at, timeline: t, told: at.seq}
}

// sequencerState says what a room waits for.
type sequencerState uint8

// The states. In the first three a batch that comes next is told; in the others
// nothing is told before the store was read, because what was told last may not be in
// it any more, and a further batch would hide that.
const (
	flowing     sequencerState = iota // nothing is missing
	gapped                            // something is missing, and a read was asked for
	reading                           // a read is under way
	doubted                           // the store may have gone back, and a read was asked for
	verifying                         // the read that settles a doubt is under way
	reverifying                       // a doubt came during a read, which may have begun before
)

// step is what an input leads to.
type step struct {
	deliver []*Batch      // to be told now, in this order
	read    bool          // the store is to be read
	delay   time.Duration // but not before so long
	rewound bool          // what was told is not in the store any more; deliver goes to nobody
	told    int64         // where rewound: the greatest number that was told, or shown
	gap     bool          // a gap begins
	repeat  bool          // the batch was told before
	dropped int64         // batches that were left out
	old     int64         // batches that were left out because another primary has taken over since
}

func (o *step) ask(delay time.Duration) { o.read, o.delay = true, delay }

// batch takes a batch that was committed, here or elsewhere. At most so many further
// bytes may be parked; grace is how long a gap may wait for the notice that fills it.
//
// A batch of this node's own that comes before what was told when its transaction had
// not begun proves that the store has gone back, if not how far; another node's may
// only be late.
func (s *sequencer) batch(b *Batch, bytes int64, grace time.Duration) (out step) {
	if s.stands() == 0 { // nothing was told that another primary may lack
		s.timeline = max(s.timeline, b.Timeline)
	}
	switch {
	case b.Timeline != 0 && b.Timeline < s.timeline:
		out.old++
	case b.Prev() < min(b.told, s.stands()):
		s.rewind(cursor{seq: b.Prev()}, max(s.timeline, b.Timeline), &out)
		s.tell(b, &out)
	case b.Timeline > s.timeline:
		s.park(b, bytes, &out)
		s.doubt(&out)
	case s.contradicts(b):
		s.doubt(&out)
	case b.Last() <= s.at.seq:
		out.repeat = true
	case b.Prev() <= s.at.seq && s.state <= reading:
		s.tell(b, &out)
		s.unpark(&out)
		s.settle()
	default:
		s.park(b, bytes, &out)
		if s.state == flowing {
			s.state, out.gap = gapped, true
			out.ask(grace)
		}
	}
	if b.own && out.old == 0 { // who asked for it is answered, told or parked
		s.show(b.after(), b.Timeline, &out)
	}
	return out
}

// look takes where the store said that the room's log ends, on that timeline or a
// greater one. stood is what was known of the room before the store was asked.
func (s *sequencer) look(stood int64, head Head, t Timeline) (out step) {
	at := cursor{head.Seq, head.Row, head.Message}
	if at.seq < min(stood, s.stands()) || at.seq == s.at.seq && !s.at.matches(at.row, at.message) || refutes(s.ahead, at) {
		s.doubt(&out)
		return out
	}
	if head.Seq == s.at.seq {
		s.timeline = max(s.timeline, t)
	}
	s.goal = max(s.goal, head.Seq)
	switch {
	case s.state == doubted:
		out.ask(0)
	case s.goal > s.at.seq && s.state <= gapped:
		s.state = gapped
		out.ask(0)
	}
	return out
}

// begin returns where a read is to begin; false where none is needed, or one is
// under way.
func (s *sequencer) begin() (from cursor, needed bool) {
	switch s.state {
	case gapped:
		s.state = reading
	case doubted:
		s.state = verifying
	default:
		return cursor{}, false
	}
	return s.at, true
}

// fail takes that the read under way did not succeed. Its owner has it done again.
func (s *sequencer) fail() step {
	switch s.state {
	case reading:
		s.state = gapped
	case verifying, reverifying:
		s.state = doubted
	}
	return step{}
}

// page takes what the read under way has found after the cursor, which the store was
// seen to have, on that timeline or a greater one: b is nil where there is nothing to tell. end is
// the place up to which that was read. more says that another read goes on from there at once.
//
// A batch whose predecessor the store does not get to know for long is not of this
// store. It is dropped.
func (s *sequencer) page(b *Batch, end cursor, more bool, t Timeline) (out step) {
	if b != nil && s.contradicts(b) { // somebody was shown something else while it was read
		s.state = doubted
		out.ask(0)
		return out
	}
	s.timeline = max(s.timeline, t)
	s.vain++
	if b != nil && b.Last() > s.at.seq {
		s.tell(b, &out)
		s.vain = 0
	}
	if end.seq > s.at.seq { // numbers without an event, or of messages that are gone
		s.at = end
		s.pass()
		s.vain = 0
	}
	if s.state == reverifying { // what is parked must not hide what was told last
		s.state = doubted
		out.ask(0)
		return out
	}
	s.state = gapped
	if more {
		return out
	}
	s.unpark(&out)
	if s.vain >= vainReadsMax {
		out.dropped += int64(len(s.parked))
		s.release(len(s.parked))
		s.goal = s.at.seq
	}
	if s.settle(); s.state != flowing {
		out.ask(min(repairGrace<<min(s.vain, 10), repairRetry))
	}
	return out
}

// rewound takes that the read under way has proved that the store went back. head is
// the store's number, on that timeline or a greater one.
func (s *sequencer) rewound(head int64, t Timeline) (out step) {
	s.rewind(cursor{seq: head}, max(s.timeline, t), &out)
	return out
}

// rewind begins anew at a place.
func (s *sequencer) rewind(at cursor, t Timeline, out *step) {
	out.rewound, out.told = true, max(s.told, furthest(0, s.ahead))
	*s = newSequencer(at, t)
}

// doubt has the room compared with the store.
func (s *sequencer) doubt(out *step) {
	switch s.state {
	case flowing, gapped, doubted:
		s.state = doubted
		out.ask(0)
	default:
		s.state = reverifying
	}
}

// contradicts says whether a batch has another event under the number that was told
// last, or under one that somebody was shown.
func (s *sequencer) contradicts(b *Batch) bool {
	return b.contradicts(s.at) || slices.ContainsFunc(s.ahead, func(p shown) bool { return b.contradicts(p.cursor) })
}

// contradicts says whether the batch has another event where a cursor stands.
func (b *Batch) contradicts(c cursor) bool {
	if b.Prev() >= c.seq || b.Last() < c.seq {
		return false
	}
	i := slices.IndexFunc(b.Events, func(e Event) bool { return e.Seq == c.seq })
	return i >= 0 && !c.matches(b.Events[i].Row, b.Events[i].Message)
}

// tell puts the part of b that is news, of which there is some, into the step. Where
// numbers have been passed, it comes after the one that was told last.
func (s *sequencer) tell(b *Batch, out *step) {
	if b.Prev() < s.at.seq {
		b = b.After(s.at.seq)
	}
	if b.Prev() > s.told {
		b = b.rest(0, s.told)
	}
	out.deliver = append(out.deliver, b)
	s.at = b.after()
	s.told = s.at.seq
	s.pass()
}

// park keeps a batch until what comes before it was told, or has it read from the
// store where too much waits.
func (s *sequencer) park(b *Batch, bytes int64, out *step) {
	size := b.bytes()
	if len(s.parked) >= parkedBatchesMax || size > bytes {
		out.dropped++
		s.goal = max(s.goal, b.Last())
		return
	}
	i, _ := slices.BinarySearchFunc(s.parked, b.Prev(), func(p *Batch, prev int64) int { return cmp.Compare(p.Prev(), prev) })
	s.parked = slices.Insert(s.parked, i, b)
	s.parkedBytes += size
}

// unpark tells what was parked and comes next now.
func (s *sequencer) unpark(out *step) {
	n := 0
	for n < len(s.parked) && s.parked[n].Prev() <= s.at.seq && s.state <= reading {
		switch b := s.parked[n]; {
		case b.Timeline != 0 && b.Timeline < s.timeline:
			out.old++
		case s.contradicts(b):
			s.doubt(out)
		case b.Last() > s.at.seq:
			s.tell(b, out)
		}
		n++
	}
	s.release(n)
}

// release forgets the first n batches that are parked.
func (s *sequencer) release(n int) {
	for _, b := range s.parked[:n] {
		s.parkedBytes -= b.bytes()
	}
	if s.parked = slices.Delete(s.parked, 0, n); len(s.parked) == 0 {
		s.parked = nil
	}
}

// settle lets the room flow where a gap has been filled.
func (s *sequencer) settle() {
	if s.state == gapped && len(s.parked) == 0 && s.at.seq >= s.goal {
		s.state, s.vain = flowing, 0
	}
}

// owes returns the number up to which something is known to exist and was not told
// yet; zero where nothing is.
func (s *sequencer) owes() int64 {
	switch {
	case s.state == flowing:
		return 0
	case s.state >= doubted:
		return s.at.seq + 1
	}
	owed := s.goal
	for _, b := range s.parked {
		owed = max(owed, b.Last())
	}
	return owed
}
