package room

import (
	"bytes"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// batchBytesMax cuts long batches, so that a slow reader's outbox lets go of
// what it has sent in pieces.
const batchBytesMax = 128 << 10

// encodeBatches makes the events of a committed batch of ops, room by room,
// each room's in order. Rooms that nobody wants are left out.
func encodeBatches(ops []*Op, wanted func(uuid.UUID) bool) []*Batch {
	var (
		batches []*Batch
		rooms   = make(map[uuid.UUID]*encoder, min(len(ops), 64))
	)
	for _, op := range ops {
		if !op.tells() {
			continue
		}
		e, seen := rooms[op.Room]
		if !seen {
			if wanted(op.Room) {
				e = &encoder{room: op.Room, timeline: op.Timeline, told: op.told, last: op.Seq - 1}
			}
			rooms[op.Room] = e
		}
		if e != nil {
			e.expect(op.Message)
		}
	}
	for _, op := range ops {
		e := rooms[op.Room]
		if !op.tells() || e == nil {
			continue
		}
		if len(e.buf) >= batchBytesMax {
			batches = append(batches, e.batch())
		}
		e.add(op.Kind, op.Seq, op.Row, op.Message)
	}
	for _, e := range rooms {
		if e != nil {
			batches = append(batches, e.batch())
		}
	}
	return batches
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
	parts    []part // of buf, one for each event
	events   []Event
	body     []byte // scratch
}

// part is where an event stands in an encoder's buffer.
type part struct{ end, body, size int } // of the frame; of the message's object in it

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
		n := min(e.count, batchBytesMax/envelopeBytes+1)
		e.parts, e.events = make([]part, 0, n), make([]Event, 0, n)
	}
	e.count, e.bytes = max(e.count-1, 0), max(e.bytes-envelopeBytes-len(m.Content), 0)
	e.body = protocol.AppendMessage(e.body[:0], m)
	start := len(e.buf)
	e.buf = protocol.AppendEvent(e.buf, kind, e.body, seq, e.last, e.how)
	e.parts = append(e.parts, part{len(e.buf), start + bytes.Index(e.buf[start:], e.body), len(e.body)})
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

// batch hands out what was gathered and begins anew.
func (e *encoder) batch() *Batch {
	start := 0
	for i, p := range e.parts {
		e.events[i].Frame = e.buf[start:p.end:p.end]
		e.events[i].Body = e.buf[p.body : p.body+p.size : p.body+p.size]
		start = p.end
	}
	b := &Batch{Room: e.room, Timeline: e.timeline, Events: e.events, own: e.how == protocol.Live, told: e.told}
	*e = encoder{room: e.room, timeline: e.timeline, how: e.how, last: e.last, count: e.count, bytes: e.bytes, body: e.body}
	return b
}
