package room

import (
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// batchBytesMax cuts long batches, so that a slow reader's outbox lets go of
// what it has sent in pieces.
const batchBytesMax = 128 << 10

// encoding makes the events of committed batches of ops. It belongs to one lane, and keeps
// its scratch memory.
type encoding struct {
	places  map[uuid.UUID]int // of each room in encoders; nowhere: nobody wants it
	all     []encoder
	batches []*Batch
}

const (
	nowhere         = -1
	encodersKeptMax = 1_024 // rooms of one batch for which an encoding keeps memory
	eventsKeptMax   = 32    // and events of each
)

// encode makes the events of a batch of ops, room by room, each room's in order. Rooms
// that nobody wants are left out. What it returns is valid until the next call; the
// batches in it are for ever.
func (x *encoding) encode(ops []*Op, wanted func(uuid.UUID) bool) []*Batch {
	x.reset()
	for _, op := range ops {
		if !op.tells() {
			continue
		}
		at, seen := x.places[op.Room]
		if !seen {
			if at = nowhere; wanted(op.Room) {
				at = x.open(op)
			}
			x.places[op.Room] = at
		}
		if at != nowhere {
			x.all[at].expect(op.Message)
		}
	}
	for _, op := range ops {
		if !op.tells() {
			continue
		}
		at := x.places[op.Room]
		if at == nowhere {
			continue
		}
		e := &x.all[at]
		if len(e.buf) >= batchBytesMax {
			x.batches = append(x.batches, e.batch())
		}
		e.add(op.Kind, op.Seq, op.Row, op.Message)
	}
	for i := range x.all {
		x.batches = append(x.batches, x.all[i].batch())
	}
	return x.batches
}

// reset forgets what was encoded before.
func (x *encoding) reset() {
	clear(x.batches)
	x.batches = x.batches[:0]
	if x.places == nil || len(x.places) > encodersKeptMax {
		x.places, x.all = make(map[uuid.UUID]int), nil
	}
	clear(x.places)
	x.all = x.all[:0]
}

// open returns the place of a new encoder for the room of an op, which is its first.
func (x *encoding) open(op *Op) (at int) {
	at = len(x.all)
	if at == cap(x.all) {
		x.all = append(x.all, encoder{})
	}
	x.all = x.all[:at+1]
	e := &x.all[at]
	*e = encoder{room: op.Room, timeline: op.Timeline, told: op.told, last: op.Seq - 1, parts: e.parts[:0], events: e.events[:0]}
	return at
}

// tells reports whether there is something to tell the room of an op: a number that
// it took, for a message.
func (op *Op) tells() bool { return op.Outcome == Stored && op.Seq > 0 && op.Message != nil }

// encodeWalk makes events of a stretch of the log that was read because they were
// missed: each number once, by its own kind, with the message as it is now. nil where
// there is nothing to tell.
func encodeWalk(room uuid.UUID, after int64, entries []LogEntry) *Batch {
	e := encoder{room: room, last: after, how: protocol.CaughtUp}
	for i := range entries {
		if m := entries[i].Message; m != nil {
			e.expect(m)
		}
	}
	if e.count == 0 {
		return nil
	}
	for i := range entries {
		if x := &entries[i]; x.Message != nil {
			e.add(x.Kind, x.Seq, x.Row, x.Message)
		}
	}
	return e.batch()
}

// encoder gathers the events of one room in one buffer.
type encoder struct {
	room     uuid.UUID
	timeline Timeline
	how      protocol.Telling
	told     int64 // of the first batch
	last     int64 // the number of the event that was added last
	count    int   // events that are expected and not yet added
	bytes    int   // and about what their frames take
	buf      []byte
	parts    []part  // of buf, one for each event; scratch
	events   []Event // scratch
}

// part is where an event stands in an encoder's buffer.
type part struct{ end, body, bodyEnd int } // of the frame; of the message's object in it

// envelopeBytes is about what an event's frame has besides the content.
const envelopeBytes = 512

// expect announces a message that will be added, so that there is room for it: a
// buffer that grows is copied, and leaves garbage, several times.
func (e *encoder) expect(m *protocol.Message) {
	e.count++
	e.bytes += envelopeBytes + len(m.Content)
}

func (e *encoder) add(kind protocol.Kind, seq int64, row uuid.UUID, m *protocol.Message) {
	if e.buf == nil {
		e.buf = make([]byte, 0, min(e.bytes, batchBytesMax+envelopeBytes+len(m.Content)))
		if n := min(e.count, batchBytesMax/envelopeBytes+1); n > cap(e.events) {
			e.parts, e.events = make([]part, 0, n), make([]Event, 0, n)
		}
	}
	e.count, e.bytes = max(e.count-1, 0), max(e.bytes-envelopeBytes-len(m.Content), 0)
	var p part
	e.buf, p.body, p.bodyEnd = protocol.AppendEventOf(e.buf, kind, m, seq, e.last, e.how)
	p.end = len(e.buf)
	e.parts = append(e.parts, p)
	event := Event{Kind: kind, Seq: seq, Prev: e.last, Row: row, Message: m.ID, Quoted: quotedBy(m)}
	if e.how == protocol.Live {
		event.Patch = protocol.AppendPatch(nil, kind, m, seq, e.last)
	}
	e.events = append(e.events, event)
	e.last = seq
}

// quotedBy returns the id of the message that m answers; zero where it answers none.
func quotedBy(m *protocol.Message) uuid.UUID {
	if m.ReplyTo == nil {
		return uuid.Nil
	}
	return m.ReplyTo.ID
}

// loneBatch is a batch of one event, in one piece of memory.
type loneBatch struct {
	Batch
	event [1]Event
}

// batch hands out what was gathered and begins anew.
func (e *encoder) batch() *Batch {
	start := 0
	for i, p := range e.parts {
		e.events[i].Frame = e.buf[start:p.end:p.end]
		e.events[i].Body = e.buf[p.body:p.bodyEnd:p.bodyEnd]
		start = p.end
	}
	var b *Batch
	switch {
	case len(e.events) == 1:
		lone := &loneBatch{event: [1]Event{e.events[0]}}
		b = &lone.Batch
		b.Events = lone.event[:]
		b.compact = cap(e.buf)/3*2 <= len(b.Events[0].Body)
	case cap(e.events) > eventsKeptMax:
		b = &Batch{Events: e.events}
		e.parts, e.events = nil, nil
	default:
		b = &Batch{Events: slices.Clone(e.events)}
	}
	b.Room, b.Timeline, b.own, b.told = e.room, e.timeline, e.how == protocol.Live, e.told
	clear(e.events)
	*e = encoder{room: e.room, timeline: e.timeline, how: e.how, last: e.last, count: e.count, bytes: e.bytes, parts: e.parts[:0], events: e.events[:0]}
	return b
}
