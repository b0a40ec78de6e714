package room

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
)

// roomLog is the truth that a directory is held against: every event of one
// room, and the present state of its messages.
type roomLog struct {
	room     uuid.UUID
	messages []protocol.Message
	events   []Event // by seq, from 1
}

func (l *roomLog) send() {
	seq := int64(len(l.events) + 1)
	m := protocol.Message{ID: newMessageID(), RoomID: l.room, Content: fmt.Sprint("m", seq), Type: protocol.TypeText, Seq: seq, Rev: seq}
	l.messages = append(l.messages, m)
	l.events = append(l.events, Event{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Message: m.ID})
}

func (l *roomLog) edit(i int) {
	seq := int64(len(l.events) + 1)
	m := &l.messages[i]
	m.Rev, m.IsEdited, m.Content = seq, true, fmt.Sprint(m.Content, "+")
	l.events = append(l.events, Event{Kind: protocol.KindEdit, Seq: seq, Prev: seq - 1, Message: m.ID})
}

func (l *roomLog) batch(first, last int64) *Batch {
	return &Batch{Room: l.room, Events: l.events[first-1 : last]}
}

// since answers as Store.Since does.
func (l *roomLog) since(since int64, limit int) (page []protocol.Message, more bool) {
	for seq := since + 1; seq <= int64(len(l.events)); seq++ {
		for _, m := range l.messages {
			if m.Rev == seq {
				if len(page) == limit {
					return page, true
				}
				page = append(page, m)
			}
		}
	}
	return page, false
}

// ear is a listener that checks what it hears.
type ear struct {
	t    rapid.TB
	last int64
	seen []Event
}

func (e *ear) Deliver(b *Batch) {
	for _, ev := range b.Events {
		if ev.Seq <= e.last {
			e.t.Fatalf("event %d told after %d", ev.Seq, e.last)
		}
		if ev.Prev != e.last {
			e.t.Fatalf("event %d says that it comes after %d, but %d was told last", ev.Seq, ev.Prev, e.last)
		}
		e.last = ev.Seq
		e.seen = append(e.seen, ev)
	}
}

func (e *ear) Notify(*Notice) {}

func (e *ear) Rewound() { e.t.Fatalf("the store is said to have gone back") }

// TestDirectoryTellsEachEventOnceInOrder loses, repeats and reorders batches of
// a room, with repairs that run at any later moment, and demands that every
// listener hears a log without holes that ends where the truth ends.
func TestDirectoryTellsEachEventOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := &roomLog{room: uuid.New()}
		for range rapid.IntRange(0, 5).Draw(t, "events before") {
			log.send()
		}
		var stats counters
		asked := false
		d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) { asked = true })
		base := int64(rapid.IntRange(0, len(log.events)).Draw(t, "base"))
		ears := []*ear{{t: t, last: base}}
		d.follow(log.room, base, ears[0])
		pageMax := rapid.IntRange(1, 4).Draw(t, "page")

		var late []*Batch // on their way
		repair := func() {
			asked = false
			for {
				missed, needed := d.beginRepair(log.room)
				if !needed {
					return
				}
				if _, twice := d.beginRepair(log.room); twice {
					t.Fatal("two repairs of a room at once")
				}
				page, more := log.since(missed.after, pageMax)
				if rapid.Bool().Draw(t, "announce during the repair") && len(log.messages) > 0 {
					log.edit(rapid.IntRange(0, len(log.messages)-1).Draw(t, "edit"))
					n := int64(len(log.events))
					d.announce(log.batch(n, n), 0)
				}
				if len(late) > 0 && rapid.Bool().Draw(t, "a notice during the repair") {
					d.announce(rapid.SampledFrom(late).Draw(t, "which notice"), 0)
				}
				if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
					d.failRepair(log.room, missed)
					asked = true
					return
				}
				if whole, _ := d.endRepair(log.room, missed, encodeMissed(log.room, &missed, page), more); whole {
					return
				}
				if !more {
					asked = true
					return
				}
			}
		}

		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1: // a commit whose notice is on its way
				first, told := int64(len(log.events)+1), d.stands(log.room)
				for range rapid.IntRange(1, 4).Draw(t, "batch") {
					if len(log.messages) > 0 && rapid.Bool().Draw(t, "is edit") {
						log.edit(rapid.IntRange(0, len(log.messages)-1).Draw(t, "which"))
					} else {
						log.send()
					}
				}
				if !rapid.Bool().Draw(t, "lost") {
					b := log.batch(first, int64(len(log.events)))
					if rapid.Bool().Draw(t, "of this node") {
						b.told = told
					}
					late = append(late, b)
				}
			case 2, 3: // a notice arrives, perhaps not the first, perhaps not the last time
				if len(late) > 0 {
					i := rapid.IntRange(0, len(late)-1).Draw(t, "notice")
					d.announce(late[i], 0)
					if !rapid.Bool().Draw(t, "again") {
						late = append(late[:i:i], late[i+1:]...)
					}
				}
			case 4:
				if asked {
					repair()
				}
			case 5:
				head := rapid.Int64Range(0, int64(len(log.events))).Draw(t, "a look's answer, perhaps late")
				d.looked(log.room, rapid.Int64Range(0, head).Draw(t, "where they stood before it"), head)
			case 6: // another loop begins to follow: it hears what comes from now on
				e := &ear{t: t, last: d.shard(log.room).rooms[log.room].last}
				ears = append(ears, e)
				d.follow(log.room, 0, e)
			}
		}
		for _, b := range late {
			d.announce(b, 0)
		}
		d.looked(log.room, 0, int64(len(log.events)))
		for range 100 {
			if !asked {
				break
			}
			repair()
		}
		for i, e := range ears {
			if e.last != int64(len(log.events)) {
				t.Fatalf("listener %d heard up to %d of %d", i, e.last, len(log.events))
			}
		}
		if n := d.parkedBytes.Load(); n != 0 {
			t.Fatalf("%d bytes of parked batches stay counted", n)
		}
		// Every message changed after the base was told in its present state: as new
		// the first time, as edited from then on.
		told := make(map[uuid.UUID]int64)
		for _, m := range log.messages {
			if m.Seq <= base {
				told[m.ID] = m.Seq
			}
		}
		for _, ev := range ears[0].seen {
			if _, known := told[ev.Message]; known != (ev.Kind == protocol.KindEdit) {
				t.Fatalf("event %d of message %v, known: %v, is of kind %d", ev.Seq, ev.Message, known, ev.Kind)
			}
			told[ev.Message] = ev.Seq
		}
		for _, m := range log.messages {
			if m.Rev > base && told[m.ID] != m.Rev {
				t.Fatalf("message %v was told at %d, is at %d", m.ID, told[m.ID], m.Rev)
			}
		}
	})
}

// TestDirectoryParksABoundedNumber says what happens when too many batches wait
// behind a hole: they are left out, counted, and read from the store.
func TestDirectoryParksABoundedNumber(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range parkedBatchesMax + 10 {
		log.send()
	}
	var stats counters
	var repairs int
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) { repairs++ })
	e := &ear{t: t}
	d.follow(log.room, 0, e)
	for seq := int64(2); seq <= int64(len(log.events)); seq++ {
		d.announce(log.batch(seq, seq), 0)
	}
	if got, want := stats.ParkedDropped.Load(), int64(9); got != want {
		t.Errorf("%d batches left out, want %d", got, want)
	}
	if e.last != 0 || repairs != 1 {
		t.Errorf("told up to %d with %d repairs asked for, want 0 and 1", e.last, repairs)
	}
	d.announce(log.batch(1, 1), 0)
	if want := int64(1 + parkedBatchesMax); e.last != want {
		t.Errorf("told up to %d once the hole is filled, want %d", e.last, want)
	}
	missed, needed := d.beginRepair(log.room)
	if !needed {
		t.Fatal("what was left out is not asked for")
	}
	page, _ := log.since(missed.after, 1000)
	if whole, _ := d.endRepair(log.room, missed, encodeMissed(log.room, &missed, page), false); !whole || e.last != int64(len(log.events)) {
		t.Errorf("told up to %d, want %d", e.last, len(log.events))
	}
}

// TestDirectoryParksABoundedNumberOfBytes: of all rooms together, given back when the
// hole is filled, and when nobody follows the room any more.
func TestDirectoryParksABoundedNumberOfBytes(t *testing.T) {
	const frame = 1 << 20
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	early := func(room uuid.UUID, seq int64) *Batch {
		return &Batch{Room: room, Events: []Event{{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Message: uuid.New(), Frame: make([]byte, frame)}}}
	}
	ears := make(map[uuid.UUID]*ear)
	for range 4 {
		id := uuid.New()
		ears[id] = &ear{t: t}
		d.follow(id, 0, ears[id])
		for seq := int64(2); seq < 2+parkedBatchesMax/2; seq++ {
			d.announce(early(id, seq), 0)
		}
	}
	if n := d.parkedBytes.Load(); n != parkedBytesMax || stats.ParkedDropped.Load() != 2*parkedBatchesMax-parkedBytesMax/frame {
		t.Errorf("%d bytes are parked, %d batches left out", n, stats.ParkedDropped.Load())
	}
	filled := false
	for id, e := range ears {
		if !filled {
			d.announce(early(id, 1), 0)
		}
		filled = true
		d.unfollow(id, e)
	}
	if n := d.parkedBytes.Load(); n != 0 {
		t.Errorf("%d bytes stay counted", n)
	}
}

// TestARepairIsDoneOnceAtATime: of two at once the older read could end the repair,
// and what only the newer one had seen was dropped.
func TestARepairIsDoneOnceAtATime(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range 3 {
		log.send()
	}
	var stats counters
	asked := 0
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) { asked++ })
	e := &ear{t: t}
	d.follow(log.room, 0, e)
	d.looked(log.room, 0, 3)
	d.looked(log.room, 0, 3) // another look, before the first repair has begun
	missed, needed := d.beginRepair(log.room)
	page, _ := log.since(missed.after, 1000)
	log.send()
	d.looked(log.room, 0, 4)
	_, twice := d.beginRepair(log.room)
	if asked != 2 || !needed || twice {
		t.Errorf("asked for %d times; begins: %v, again meanwhile: %v", asked, needed, twice)
	}
	if whole, pause := d.endRepair(log.room, missed, encodeMissed(log.room, &missed, page), false); whole || pause == 0 || e.last != 3 {
		t.Errorf("whole %v, pause %v, told up to %d: what came during the read is not asked for", whole, pause, e.last)
	}
}

// TestDirectoryGivesUpOnBatchesFromNowhere announces a batch that the store never
// leads up to, as another deployment on the same channels would.
func TestDirectoryGivesUpOnBatchesFromNowhere(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	e := &ear{t: t}
	d.follow(log.room, 0, e)
	d.announce(&Batch{Room: log.room, Events: []Event{{Kind: protocol.KindMessage, Seq: 1000, Prev: 999}}}, 0)
	var waited time.Duration
	for whole := false; !whole; {
		missed, needed := d.beginRepair(log.room)
		if !needed || missed.after != e.last {
			t.Fatalf("reads after %d, needed %v", missed.after, needed)
		}
		var pause time.Duration
		whole, pause = d.endRepair(log.room, missed, nil, false)
		waited += pause
		if !whole && pause < repairGrace {
			t.Fatal("the store is asked without a pause")
		}
	}
	if waited < 5*time.Second || waited > 10*time.Second || stats.ParkedDropped.Load() != 1 {
		t.Errorf("given up after %v with %d batches dropped", waited, stats.ParkedDropped.Load())
	}
	log.send()
	d.announce(log.batch(1, 1), 0)
	if e.last != 1 {
		t.Error("the room's own events do not flow any more")
	}
}

// TestTailIsWhatTheStoreWouldAnswer lets a tail follow sends and edits and
// compares it with the last messages of the log.
func TestTailIsWhatTheStoreWouldAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const tailMax = 5
		log := &roomLog{room: uuid.New()}
		for range rapid.IntRange(0, 8).Draw(t, "before") {
			log.send()
		}
		page := func() *Page {
			return &Page{Messages: log.messages[max(0, len(log.messages)-tailMax):], Seq: int64(len(log.events))}
		}
		var stats counters
		d := newDirectory(&stats, tailMax, func(uuid.UUID, time.Duration) {})
		d.follow(log.room, int64(len(log.events)), &ear{t: t, last: int64(len(log.events))})
		d.keepTail(log.room, page(), d.births.Load())
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			from := int64(len(log.events))
			if len(log.messages) > 0 && rapid.Bool().Draw(t, "is edit") {
				log.edit(rapid.IntRange(0, len(log.messages)-1).Draw(t, "which"))
			} else {
				log.send()
			}
			m := &log.messages[0]
			for i := range log.messages {
				if log.messages[i].Rev == from+1 {
					m = &log.messages[i]
				}
			}
			e := encoder{room: log.room}
			e.add(log.events[from].Kind, m, from+1, from)
			d.announce(e.batch(), 0)
			got := d.history(log.room)
			want, _ := newTail(page(), tailMax)
			if got == nil || string(got.Frame) != string(want.frame().Frame) || got.Seq != int64(len(log.events)) {
				t.Fatalf("the tail says %s, the store %s", got.Frame, want.frame().Frame)
			}
		}
		kept := d.tailBytes.Load()
		if f := d.shard(log.room).rooms[log.room]; f.tail.bytes() != kept {
			t.Fatalf("%d bytes counted, %d kept", kept, f.tail.bytes())
		}
		d.dropTails(time.Now().Add(time.Hour))
		if d.history(log.room) != nil || d.tailBytes.Load() != 0 {
			t.Fatalf("a forgotten tail still answers, or %d bytes stay counted", d.tailBytes.Load())
		}
	})
}

// TestTailThatGrowsOverTheLimitIsForgotten: the limit is for all rooms together.
func TestTailThatGrowsOverTheLimitIsForgotten(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	d.follow(log.room, 1, &ear{t: t, last: 1})
	d.keepTail(log.room, &Page{Messages: log.messages, Seq: 1}, d.births.Load())
	const others = tailBytesMax - 1_000
	d.tailBytes.Add(others)
	for range 5 {
		log.send()
		e := encoder{room: log.room}
		m := &log.messages[len(log.messages)-1]
		e.add(protocol.KindMessage, m, m.Rev, m.Rev-1)
		d.announce(e.batch(), 0)
	}
	if d.history(log.room) != nil || d.tailBytes.Load() != others {
		t.Errorf("%d bytes are kept beside those of others", d.tailBytes.Load()-others)
	}
}

// TestTailIsReadAnewNowAndThen: the application may give a user another name, and
// no event tells.
func TestTailIsReadAnewNowAndThen(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	d.follow(log.room, 1, &ear{t: t, last: 1})
	d.keepTail(log.room, &Page{Messages: log.messages, Seq: 1}, d.births.Load())
	tail := d.shard(log.room).rooms[log.room].tail
	for now, end := tail.read, tail.read.Add(tailAgeMax); !now.After(end); now = now.Add(tailIdle / 2) {
		tail.asked = now // by newcomers, again and again
		if d.dropTails(now); d.history(log.room) == nil {
			t.Fatalf("forgotten after %v", now.Sub(tail.read))
		}
	}
	tail.asked = tail.read.Add(tailAgeMax)
	if d.dropTails(tail.asked.Add(time.Second)); d.history(log.room) != nil {
		t.Error("newcomers get old names for as long as they come")
	}
}

// TestTailIsNotKeptFromAReadThatBeganBeforeItsRoomWasFollowed: what was committed
// between the read and the follow is announced to nobody.
func TestTailIsNotKeptFromAReadThatBeganBeforeItsRoomWasFollowed(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	page := &Page{Messages: log.messages, Seq: 1}
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	before := d.births.Load()
	d.follow(log.room, 1, &ear{t: t, last: 1})
	if d.keepTail(log.room, page, before); d.history(log.room) != nil {
		t.Error("a history is answered from a read that may not have seen what nobody was told")
	}
	if d.keepTail(log.room, page, d.births.Load()); d.history(log.room) == nil {
		t.Error("no history from a read that began after the follow")
	}
}

// TestTailIsForgottenWhenAQuotedMessageIsEdited: a reply quotes its original as
// that stands now; the edit's event does not bring the reply.
func TestTailIsForgottenWhenAQuotedMessageIsEdited(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range 3 {
		log.send()
	}
	log.messages[1].ReplyTo = &protocol.Reply{ID: log.messages[0].ID, Content: "m1"}
	var stats counters
	d := newDirectory(&stats, 5, func(uuid.UUID, time.Duration) {})
	d.follow(log.room, 3, &ear{t: t, last: 3})
	d.keepTail(log.room, &Page{Messages: log.messages, Seq: 3}, d.births.Load())
	edit := func(i int) {
		log.edit(i)
		e := encoder{room: log.room}
		m := &log.messages[i]
		e.add(protocol.KindEdit, m, m.Rev, m.Rev-1)
		d.announce(e.batch(), 0)
	}
	if edit(2); d.history(log.room) == nil {
		t.Error("the edit of a message that nobody quotes costs the tail")
	}
	if edit(0); d.history(log.room) != nil {
		t.Error("a history is answered whose reply quotes what the original was")
	}
	if bytes := d.tailBytes.Load(); bytes != 0 {
		t.Errorf("%d bytes stay counted", bytes)
	}
}

// TestTailIsForgottenWhenOneBatchQuotesAndEdits: the reply comes with the batch that
// edits, after it, what it quotes.
func TestTailIsForgottenWhenOneBatchQuotesAndEdits(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	d := newDirectory(&counters{}, 5, func(uuid.UUID, time.Duration) {})
	d.follow(log.room, 1, &ear{t: t, last: 1})
	d.keepTail(log.room, &Page{Messages: log.messages, Seq: 1}, d.births.Load())

	log.send()
	log.messages[1].ReplyTo = &protocol.Reply{ID: log.messages[0].ID, Content: "m1"}
	e := encoder{room: log.room}
	e.add(protocol.KindMessage, &log.messages[1], 2, 1)
	log.edit(0)
	e.add(protocol.KindEdit, &log.messages[0], 3, 2)
	d.announce(e.batch(), 0)
	if d.history(log.room) != nil {
		t.Error("a history is answered whose reply quotes what the original was")
	}
	if bytes := d.tailBytes.Load(); bytes != 0 {
		t.Errorf("%d bytes stay counted", bytes)
	}
}
