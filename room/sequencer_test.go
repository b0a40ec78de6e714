package room

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
)

// roomLog is the truth that a sequencer is held against: the log of one room, as the
// store has it.
type roomLog struct {
	room     uuid.UUID
	messages []protocol.Message
	events   []Event            // by seq, from 1
	gone     map[uuid.UUID]bool // messages that the application has deleted
}

func (l *roomLog) head() int64 { return int64(len(l.events)) }

func (l *roomLog) end() Head {
	if len(l.events) == 0 {
		return Head{}
	}
	e := &l.events[len(l.events)-1]
	if l.gone[e.Row] {
		return Head{Seq: e.Seq}
	}
	return Head{Seq: e.Seq, Row: e.Row, Message: e.Message}
}

func (l *roomLog) send() {
	seq := l.head() + 1
	m := protocol.Message{ID: newRowID(), RoomID: l.room, Content: fmt.Sprint("m", seq), Type: protocol.TypeText, Seq: seq, Rev: seq}
	l.messages = append(l.messages, m)
	l.events = append(l.events, Event{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Row: m.ID, Message: m.ID})
}

func (l *roomLog) edit(i int) {
	seq := l.head() + 1
	m := &l.messages[i]
	m.Rev, m.IsEdited, m.Content = seq, true, fmt.Sprint(m.Content, "+")
	l.events = append(l.events, Event{Kind: protocol.KindEdit, Seq: seq, Prev: seq - 1, Row: newRowID(), Message: m.ID})
}

func (l *roomLog) batch(first, last int64) *Batch {
	return &Batch{Room: l.room, Events: slices.Clone(l.events[first-1 : last])}
}

// walk answers as Store.Walk does, but for the messages' present state.
func (l *roomLog) walk(after int64, limit int) (w Walk) {
	w.Seq = l.head()
	for _, e := range l.events[min(after, l.head()):] {
		if l.gone[e.Row] {
			continue
		}
		if len(w.Entries) == limit {
			w.HasMore = true
			break
		}
		entry := LogEntry{Seq: e.Seq, Kind: e.Kind, Row: e.Row}
		if !l.gone[e.Message] {
			entry.MessageID, entry.Message = e.Message, &protocol.Message{ID: e.Message}
		}
		w.Entries = append(w.Entries, entry)
	}
	return w
}

// back makes the log what it was at a number.
func (l *roomLog) back(to int64) {
	l.events = l.events[:to:to]
	l.messages = slices.DeleteFunc(slices.Clone(l.messages), func(m protocol.Message) bool { return m.Seq > to })
}

// told is what a listener has been told since it began, or began anew.
type told struct {
	base   int64
	events []Event
}

func (h *told) last() int64 {
	if n := len(h.events); n > 0 {
		return h.events[n-1].Seq
	}
	return h.base
}

// rig drives one sequencer as the hub and the repairs do.
type rig struct {
	*rapid.T
	log     *roomLog
	seq     sequencer
	told    told
	asked   bool // a read was asked for
	rewinds int
	reading *readUnderWay
	also    func(step) // takes each step first; nil: nobody
}

// readUnderWay is a read whose answer is on its way.
type readUnderWay struct {
	read
	walk Walk
	head int64
	now  []Event // of the store

	timeline Timeline // that was known when it began
}

// take does what a step says.
func (r *rig) take(out step) {
	if r.also != nil {
		r.also(out)
	}
	if out.rewound {
		r.rewinds++
		r.told = told{base: r.seq.at.seq}
		r.reading = nil // of another birth
		if len(out.deliver) > 0 {
			r.told.base = out.deliver[0].Prev()
		}
	}
	for _, b := range out.deliver {
		for _, e := range b.Events {
			if e.Prev != r.told.last() || e.Seq <= e.Prev {
				r.Fatalf("event %d says that it comes after %d; told last was %d", e.Seq, e.Prev, r.told.last())
			}
			r.told.events = append(r.told.events, e)
		}
	}
	r.asked = r.asked || out.read
	if r.seq.told != r.told.last() || r.seq.at.seq < r.seq.told {
		r.Fatalf("stands at %d, told %d; told last was %d", r.seq.at.seq, r.seq.told, r.told.last())
	}
	var parked int64
	for _, b := range r.seq.parked {
		parked += b.bytes()
	}
	if parked != r.seq.parkedBytes || len(r.seq.parked) > parkedBatchesMax {
		r.Fatalf("%d batches of %d bytes are parked, %d counted", len(r.seq.parked), parked, r.seq.parkedBytes)
	}
	if r.seq.state == flowing && (len(r.seq.parked) > 0 || r.seq.at.seq < r.seq.goal) {
		r.Fatalf("flows, and owes %d batches and numbers up to %d", len(r.seq.parked), r.seq.goal)
	}
}

// beginRead has the store read, if the sequencer wants that.
func (r *rig) beginRead(pageMax int) {
	if !r.asked || r.reading != nil {
		return
	}
	from, needed := r.seq.begin()
	if !needed {
		r.asked = false
		return
	}
	if _, twice := r.seq.begin(); twice {
		r.Fatal("two reads of a room at once")
	}
	r.asked = false
	r.reading = &readUnderWay{read: read{from: from, ahead: slices.Clone(r.seq.ahead), doubted: r.seq.state >= doubted}, now: slices.Clone(r.log.events), walk: r.log.walk(max(from.seq-1, 0), pageMax+1), head: r.log.head()}
}

// lacks is what repairs.lacks asks of the store.
func (d *readUnderWay) lacks() bool {
	return d.walk.HasMore && slices.ContainsFunc(d.doubtful(d.walk.end().seq, d.timeline), func(p shown) bool {
		e := d.now[p.seq-1]
		return !p.matches(e.Row, e.Message)
	})
}

// endRead hands in what was read.
func (r *rig) endRead(fails bool) {
	d := r.reading
	if d == nil {
		return
	}
	r.reading = nil
	if fails {
		r.take(r.seq.fail())
		r.asked = true
		return
	}
	if d.refuted(&d.walk) || d.walk.Seq < d.upTo() || d.lacks() {
		r.take(r.seq.rewound(d.head, d.timeline))
		return
	}
	r.take(r.seq.page(encodeWalk(r.log.room, d.from.seq, d.walk.Entries), d.walk.end(), d.walk.HasMore, d.timeline))
	if d.walk.HasMore {
		r.asked = true
	}
}

func (r *rig) commit() *Batch {
	first, stood := r.log.head()+1, r.seq.at.seq
	for range rapid.IntRange(1, 4).Draw(r.T, "batch") {
		if len(r.log.messages) > 0 && rapid.Bool().Draw(r.T, "is edit") {
			r.log.edit(rapid.IntRange(0, len(r.log.messages)-1).Draw(r.T, "which"))
		} else {
			r.log.send()
		}
	}
	b := r.log.batch(first, r.log.head())
	switch rapid.IntRange(0, 2).Draw(r.T, "of whom") {
	case 0:
		b.told = stood // of this node's own
	case 1:
		for i := range b.Events { // of a node of the release before
			b.Events[i].Row = uuid.UUID{}
		}
	}
	return b
}

// TestSequencerTellsEachEventOnceInOrder loses, repeats and reorders the batches of a
// room, with reads that begin and end at any moment, and a store that goes back. What
// was told is always a stretch of a log without gaps. In the end it is the store's
// log, or the room was rewound.
func TestSequencerTellsEachEventOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := &roomLog{room: uuid.New(), gone: make(map[uuid.UUID]bool)}
		for range rapid.IntRange(0, 5).Draw(t, "events before") {
			log.send()
		}
		base := rapid.Int64Range(0, log.head()).Draw(t, "base")
		r := &rig{T: t, log: log, seq: newSequencer(cursor{seq: base}, 0), told: told{base: base}}
		pageMax := rapid.IntRange(1, 4).Draw(t, "page")
		goesBack := rapid.Bool().Draw(t, "may go back")
		wentBack := false
		var late []*Batch // on their way

		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1: // a commit whose notice is on its way, or lost
				b := r.commit()
				if b.told > 0 && b.Prev() < b.told {
					late = nil // the notices of before are not told after those of now
				}
				if !rapid.Bool().Draw(t, "lost") {
					late = append(late, b)
				}
			case 2, 3, 4: // a notice arrives, perhaps not the first, perhaps not the last time
				if len(late) > 0 {
					i := rapid.IntRange(0, len(late)-1).Draw(t, "notice")
					r.take(r.seq.batch(late[i], parkedBytesMax, 0))
					if !rapid.Bool().Draw(t, "again") {
						late = append(late[:i:i], late[i+1:]...)
					}
				}
			case 5:
				r.beginRead(pageMax)
			case 6:
				r.endRead(rapid.IntRange(0, 9).Draw(t, "fails") == 0)
			case 7: // a look's answer; it may be late, but not of before the store went back
				head := log.end()
				stood := min(r.seq.at.seq, rapid.Int64Range(0, head.Seq).Draw(t, "where the room stood before it"))
				r.take(r.seq.look(stood, head, 0))
			case 8:
				if goesBack && log.head() > 0 && !wentBack {
					log.back(rapid.Int64Range(0, log.head()-1).Draw(t, "to"))
					wentBack, late = true, nil
				}
			case 9:
				if n := len(log.messages); n > 0 {
					log.gone[log.messages[rapid.IntRange(0, n-1).Draw(t, "goes")].ID] = true
				}
			}
		}
		for _, b := range late {
			r.take(r.seq.batch(b, parkedBytesMax, 0))
		}
		for n := 0; ; n++ {
			r.take(r.seq.look(r.seq.at.seq, log.end(), 0))
			for range 100 {
				r.beginRead(pageMax)
				r.endRead(false)
			}
			if r.seq.state == flowing && r.seq.at.seq == log.head() {
				break
			}
			if n == vainReadsMax {
				t.Fatalf("state %d, stands at %d of %d, asked %v", r.seq.state, r.seq.at.seq, log.head(), r.asked)
			}
		}
		if r.rewinds > 0 && !wentBack {
			t.Fatal("rewound, though the store did not go back")
		}
		if wentBack {
			return // the other test's matter: here events may stand without the ids of their rows
		}
		r.mustHaveTold(base)
	})
}

// known gives each event of a batch the id of its row, as nodes of this release do.
func (r *rig) known(b *Batch) *Batch {
	for i := range b.Events {
		b.Events[i].Row = r.log.events[b.Events[i].Seq-1].Row
	}
	return b
}

// mustHaveTold checks that what was told since a number is what the log has; what
// concerns a message that is gone may be left out.
func (r *rig) mustHaveTold(base int64) {
	told := r.told.events
	for _, want := range r.log.events[base:] {
		switch {
		case len(told) > 0 && told[0].Seq == want.Seq:
			if told[0].Kind != want.Kind || told[0].Message != want.Message {
				r.Fatalf("told %d of kind %d of %v, want %+v", told[0].Seq, told[0].Kind, told[0].Message, want)
			}
			told = told[1:]
		case !r.log.gone[want.Message]:
			r.Fatalf("not told: %+v", want)
		}
	}
	if len(told) > 0 {
		r.Fatalf("told, and not in the log: %+v", told)
	}
}

// TestSequencerFindsThatTheStoreWentBack: whoever was told a lost event is rewound,
// whether the notices of what was committed since come in order or not at all. What is
// told from then on is the store's log.
func TestSequencerFindsThatTheStoreWentBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := &roomLog{room: uuid.New()}
		r := &rig{T: t, log: log}
		for range rapid.IntRange(1, 4).Draw(t, "batches told") {
			r.take(r.seq.batch(r.known(r.commit()), parkedBytesMax, 0))
		}
		lost := log.head()
		log.back(rapid.Int64Range(0, lost-1).Draw(t, "to"))
		heard := rapid.Bool().Draw(t, "notices come")
		for range rapid.IntRange(0, 5).Draw(t, "batches since") {
			b := r.known(r.commit())
			if !heard {
				continue
			}
			r.take(r.seq.batch(b, parkedBytesMax, 0))
			if rapid.Bool().Draw(t, "a read begins") {
				r.beginRead(3)
			}
			if rapid.Bool().Draw(t, "a read ends") {
				r.endRead(false)
			}
		}
		for range vainReadsMax {
			r.take(r.seq.look(r.seq.at.seq, log.end(), 0))
			for range 20 {
				r.beginRead(3)
				r.endRead(false)
			}
		}
		if r.seq.state != flowing || r.seq.at.seq != log.head() {
			t.Fatalf("state %d, stands at %d of %d", r.seq.state, r.seq.at.seq, log.head())
		}
		if r.rewinds == 0 {
			t.Fatalf("told %d, which is lost, and not rewound", lost)
		}
		r.mustHaveTold(r.told.base)
	})
}
