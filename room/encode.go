package room

import (
	"bytes"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// frameTypes are the "type" of an event on the wire.
var frameTypes = [...]string{EventMessage: protocol.EventMessage, EventEdited: protocol.EventEdited}

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
		if op.Outcome != Stored {
			continue
		}
		e, seen := rooms[op.Room]
		if !seen {
			if wanted(op.Room) {
				e = &encoder{room: op.Room}
			}
			rooms[op.Room] = e
		}
		if e == nil {
			continue
		}
		if len(e.buf) >= batchBytesMax {
			batches = append(batches, e.batch())
		}
		kind := EventMessage
		if op.Kind == OpEdit {
			kind = EventEdited
		}
		e.add(kind, op.Message, op.Message.Rev, op.Message.Rev-1)
	}
	for _, e := range rooms {
		if e != nil {
			batches = append(batches, e.batch())
		}
	}
	return batches
}

// encodeMissed makes events, to come after the number prev, of messages that
// were read because their events were missed after the number since. Each
// message is told once, by the last event that changed it; one that was made
// after since is news, whatever changed it later.
func encodeMissed(room uuid.UUID, since, prev int64, messages []protocol.Message) *Batch {
	if len(messages) == 0 {
		return nil
	}
	e := encoder{room: room}
	for i := range messages {
		m := &messages[i]
		kind := EventMessage
		if m.Seq <= since {
			kind = EventEdited
		}
		e.add(kind, m, m.Rev, prev)
		prev = m.Rev
	}
	return e.batch()
}

// encoder gathers the events of one room in one buffer.
type encoder struct {
	room   uuid.UUID
	buf    []byte
	ends   []int // where each frame ends in buf
	bodies []int // where each message's object begins in buf
	sizes  []int // and its length
	events []Event
	body   []byte // scratch
}

func (e *encoder) add(kind EventKind, m *protocol.Message, seq, prev int64) {
	e.body = protocol.AppendMessage(e.body[:0], m)
	start := len(e.buf)
	e.buf = protocol.AppendEvent(e.buf, frameTypes[kind], e.body, seq, prev, false)
	e.bodies = append(e.bodies, start+bytes.Index(e.buf[start:], e.body))
	e.sizes = append(e.sizes, len(e.body))
	e.ends = append(e.ends, len(e.buf))
	e.events = append(e.events, Event{Kind: kind, Seq: seq, Prev: prev, Message: m.ID})
}

// batch hands out what was gathered and begins anew.
func (e *encoder) batch() *Batch {
	start := 0
	for i := range e.events {
		e.events[i].Frame = e.buf[start:e.ends[i]:e.ends[i]]
		e.events[i].Body = e.buf[e.bodies[i] : e.bodies[i]+e.sizes[i] : e.bodies[i]+e.sizes[i]]
		start = e.ends[i]
	}
	b := &Batch{Room: e.room, Events: e.events}
	*e = encoder{room: e.room, body: e.body}
	return b
}
