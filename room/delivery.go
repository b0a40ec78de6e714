package room

import (
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Event is one durable event of a room, encoded as clients get it.
type Event struct {
	Kind    protocol.Kind
	Seq     int64     // the room's number of this event
	Prev    int64     // the number after which it comes; Seq-1 unless superseded events were left out
	Age     int64     // of a KindMessage: how many numbers ago the message was made; 0 unless edits were left out
	Message uuid.UUID // the message made or changed
	Body    []byte    // the message's JSON object
	Frame   []byte    // the whole frame's JSON text
}

// made is the number of the event that made an protocol.KindMessage's message.
func (e *Event) made() int64 { return e.Seq - e.Age }

// Batch is a run of one room's events in order, without holes between them
// (each Prev is the Seq before it). It is never empty and never changes, so all
// loops share one. The transport keeps its own form of it with Derive.
type Batch struct {
	Room   uuid.UUID
	Events []Event

	told int64 // of the first batch that an own transaction makes in its room: what had been told there before it began

	once    sync.Once
	derived any
}

// Prev is the number after which the batch comes.
func (b *Batch) Prev() int64 { return b.Events[0].Prev }

// Last is the number of the batch's last event.
func (b *Batch) Last() int64 { return b.Events[len(b.Events)-1].Seq }

// bytes is about how much memory the batch holds.
func (b *Batch) bytes() (n int64) {
	for i := range b.Events {
		n += int64(len(b.Events[i].Frame))
	}
	return n
}

// After returns the part of the batch that is news to somebody who stands at
// seq and knows every message made up to there, with that number as the Prev of its
// first event; nil where nothing is. In the usual case that is the batch itself, so
// that what it derived stays shared.
func (b *Batch) After(seq int64) *Batch {
	i := slices.IndexFunc(b.Events, func(e Event) bool { return e.Seq > seq })
	switch {
	case i < 0:
		return nil
	case i == 0 && b.Prev() >= seq:
		return b
	}
	events := slices.Clone(b.Events[i:])
	for i := range events {
		e := &events[i]
		late, known := e.Prev < seq, e.Kind == protocol.KindMessage && e.made() <= seq
		if !late && !known {
			continue
		}
		e.Prev = max(e.Prev, seq)
		if known {
			e.Kind, e.Age = protocol.KindEdit, 0
		}
		e.Frame = protocol.AppendEvent(nil, e.Kind, e.Body, e.Seq, e.Prev, false)
	}
	return &Batch{Room: b.Room, Events: events}
}

// Derive returns what make made of the batch the first time it was called, so
// that a form that all listeners share (the bytes on the wire) is made once.
func (b *Batch) Derive(make func(*Batch) any) any {
	b.once.Do(func() { b.derived = make(b) })
	return b.derived
}

// Listener gets what happens in the rooms that it follows. Calls for one room
// come one at a time and in the room's order, from any goroutine, while a lock of
// the directory is held: a listener only passes on (to a loop's mailbox, a
// channel with room) and never blocks or calls back.
type Listener interface {
	// Deliver tells durable events. For one room the Prev of a batch is never
	// beyond the Last of the batch before it: nothing is missing between them.
	Deliver(b *Batch)
	// Rewound tells that the store has lost events that were delivered, or some that
	// History or Resume told. Nothing else comes after it: the listener unfollows the
	// room and has its members come anew.
	Rewound()
	// Notify tells a Notice. It has no place in the order.
	Notify(n *Notice)
}

// Notice is something of a room that is told and not stored. It never changes, so
// all loops share one.
type Notice struct {
	Kind  protocol.Kind // of the class Notice
	Room  uuid.UUID
	User  uuid.UUID // whose doing it is: not told to the user's own connections
	Frame []byte    // JSON text
}
