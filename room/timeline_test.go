package room

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// primaries are the servers of a room's database that took writes, by timeline from 1.
// All of them still do.
type primaries struct {
	*rig
	logs  []*roomLog
	known Timeline // by the node
	late  []*Batch // on their way

	coming  []*member // followed the room before their history was read, and have not got it
	members []*member
	acked   []Event // of this node's own, whose senders were answered since the room began
}

// member has a history, and hears what comes after it.
type member struct {
	has      []Event
	timeline Timeline // of the history
	held     []*Batch // until the history is told
}

func (m *member) hear(b *Batch) {
	if b = b.After(int64(len(m.has))); b != nil {
		m.has = append(m.has, b.Events...)
	}
}

// mustKnowOne checks that what a member knows is the beginning of one primary's history.
func (p *primaries) mustKnowOne(m *member) {
	if !slices.ContainsFunc(p.logs, func(l *roomLog) bool {
		return len(m.has) <= len(l.events) && slices.EqualFunc(m.has, l.events[:len(m.has)], func(a, b Event) bool { return a.Seq == b.Seq && a.Row == b.Row })
	}) {
		p.Fatalf("a member knows %d events, of which no primary has all; its history was of timeline %d", len(m.has), m.timeline)
	}
}

// tell does what a step says for the members.
func (p *primaries) tell(out step) {
	if out.rewound {
		p.coming, p.members, p.acked = nil, nil, nil
	}
	for _, b := range out.deliver {
		for _, m := range p.members {
			m.hear(b)
			p.mustKnowOne(m)
		}
		for _, m := range p.coming {
			m.held = append(m.held, b)
		}
	}
}

// enter has somebody follow the room, and the history be read.
func (p *primaries) enter() {
	p.coming = append(p.coming, &member{has: slices.Clone(p.log.events), timeline: p.known})
}

// admit tells somebody the history, unless another primary has taken over since it was read.
func (p *primaries) admit() {
	if len(p.coming) == 0 {
		return
	}
	m := p.coming[0]
	p.coming = p.coming[1:]
	if m.timeline < p.known {
		return
	}
	if n := len(m.has); n > 0 {
		c := cursor{m.has[n-1].Seq, m.has[n-1].Row, m.has[n-1].Message}
		var out step
		lacks := p.seq.lacks(c, m.timeline)
		p.seq.show(c, m.timeline, &out)
		p.take(out)
		if lacks {
			return
		}
	}
	for _, b := range m.held {
		m.hear(b)
	}
	p.mustKnowOne(m)
	p.members = append(p.members, m)
}

// mustBeOneHistory checks that the members know what the log has, and nothing else, and
// that nothing is lost that was answered.
func (p *primaries) mustBeOneHistory() {
	for _, m := range p.members {
		if len(m.has) != len(p.log.events) {
			p.Fatalf("a member knows %d events of %d", len(m.has), len(p.log.events))
		}
		for i, e := range m.has {
			if e.Seq != int64(i+1) || e.Row != p.log.events[i].Row {
				p.Fatalf("a member knows %d as %v, and it is %v", e.Seq, e.Row, p.log.events[i].Row)
			}
		}
	}
	for _, e := range p.acked {
		if e.Seq > p.log.head() || p.log.events[e.Seq-1].Row != e.Row {
			p.Fatalf("%d was answered, is lost, and nobody was told so", e.Seq)
		}
	}
}

// fork is a log that goes on by itself from a number of this one.
func (l *roomLog) fork(at int64) *roomLog {
	f := &roomLog{room: l.room, events: slices.Clone(l.events), messages: slices.Clone(l.messages)}
	f.back(at)
	return f
}

// commit has one of them take events. own says that it is this node's doing.
func (p *primaries) commit(on Timeline, own bool) *Batch {
	log := p.logs[on-1]
	first := log.head() + 1
	for range rapid.IntRange(1, 3).Draw(p.T, "batch") {
		if n := len(log.messages); n > 0 && rapid.Bool().Draw(p.T, "is edit") {
			log.edit(rapid.IntRange(0, n-1).Draw(p.T, "which"))
		} else {
			log.send()
		}
	}
	b := log.batch(first, log.head())
	b.Timeline = on
	if own {
		b.own, b.told = true, p.seq.stands()
	}
	return b
}

// hear has the node know of a timeline.
func (p *primaries) hear(t Timeline) {
	p.known = max(p.known, t)
	p.log = p.logs[p.known-1]
}

// arrive hands in a batch. One of a lower timeline than is known does not get as far,
// but where that was heard of at the same moment.
func (p *primaries) arrive(b *Batch) {
	p.hear(b.Timeline)
	proved := p.seq.timeline
	if b.Timeline == p.known || rapid.Bool().Draw(p.T, "just before") {
		before := len(p.told.events)
		p.take(p.seq.batch(b, parkedBytesMax, 0))
		if told := len(p.told.events) > before; told && b.Timeline < proved {
			p.Fatalf("told a batch of timeline %d on timeline %d", b.Timeline, proved)
		}
		if b.own {
			p.acked = append(p.acked, b.Events...)
		}
	}
}

func (p *primaries) beginRead() {
	p.rig.beginRead(3)
	if d := p.reading; d != nil && d.timeline == 0 {
		d.timeline = p.known
	}
}

// endRead hands in what was read. Where another primary took over meanwhile that does
// not count.
func (p *primaries) endRead(fails bool) {
	if d := p.reading; d != nil {
		p.rig.endRead(fails || d.timeline < p.known)
	}
}

func (p *primaries) look() { p.take(p.seq.look(p.seq.stands(), p.log.end(), p.known)) }

// TestSequencerTellsTheHistoryOfTheGreatestTimeline promotes one standby after another,
// which lacks some of what was told, while all former primaries live and take events
// from other nodes. Whatever of that arrives when: in the end the room has been told
// what the last primary has, or was rewound, and hears what comes. That holds for each
// member too, who may know more than the room was told, from a history. At no time does a member know
// something of two primaries.
func TestSequencerTellsTheHistoryOfTheGreatestTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &primaries{rig: &rig{T: t}, logs: []*roomLog{{room: uuid.New()}}}
		p.also = p.tell
		p.hear(1)
		for range rapid.IntRange(0, 3).Draw(t, "events before") {
			p.log.send()
		}
		p.seq = newSequencer(cursor{}, 1)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 10).Draw(t, "step") {
			case 0, 1: // another node commits, to whichever it takes for the primary
				b := p.commit(Timeline(rapid.IntRange(1, len(p.logs)).Draw(t, "on")), false)
				if !rapid.Bool().Draw(t, "lost") {
					p.late = append(p.late, b)
				}
			case 2: // this node does
				p.arrive(p.commit(p.known, true))
			case 3, 4:
				if len(p.late) > 0 {
					i := rapid.IntRange(0, len(p.late)-1).Draw(t, "notice")
					p.arrive(p.late[i])
					if !rapid.Bool().Draw(t, "again") {
						p.late = slices.Delete(p.late, i, i+1)
					}
				}
			case 5:
				p.beginRead()
			case 6:
				p.endRead(rapid.IntRange(0, 9).Draw(t, "fails") == 0)
			case 7:
				p.look()
			case 8:
				if last := p.logs[len(p.logs)-1]; len(p.logs) < 5 {
					p.logs = append(p.logs, last.fork(rapid.Int64Range(0, last.head()).Draw(t, "has up to")))
				}
			case 9:
				p.enter()
			case 10:
				p.admit()
			}
		}
		for _, b := range p.late {
			p.arrive(b)
		}
		p.hear(Timeline(len(p.logs)))
		for n := 0; ; n++ {
			p.look()
			for range 100 {
				p.beginRead()
				p.endRead(false)
			}
			if p.seq.state == flowing && p.seq.at.seq == p.log.head() {
				break
			}
			if n == vainReadsMax {
				t.Fatalf("state %d, stands at %d of %d, asked %v", p.seq.state, p.seq.at.seq, p.log.head(), p.asked)
			}
		}
		b := p.commit(p.known, false)
		p.arrive(b)
		if p.told.last() != b.Last() {
			t.Fatalf("told %d, and does not hear %d", p.told.last(), b.Last())
		}
		p.mustHaveTold(p.told.base)
		p.mustBeOneHistory()
	})
}
