package room

import (
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/presence"
)

// Event is one durable event of a room, encoded as clients get it.
type Event struct {
	Kind    protocol.Kind
	Seq     int64     // the room's number of this event
	Prev    int64     // the number after which it comes: Seq-1, unless the store has no row of those between
	Row     uuid.UUID // the id of its row; of a new message that of the message; zero: not known
	Message uuid.UUID // the message made or changed; zero: none
	Quoted  uuid.UUID // the message that this one answers; zero: none
	Body    []byte    // the message's JSON object
	Frame   []byte    // the whole frame's JSON text
	Patch   []byte    // in its place, the frame for clients of version 2; nil: there is none
}

// Batch is a run of one room's events in order, without gaps between them
// (each Prev is the Seq before it). It is never empty and never changes, so all
// loops share one. The transport keeps its own form of it with Derive.
type Batch struct {
	Room     uuid.UUID
	Timeline Timeline // of the primary that has it
	Events   []Event

	// Stages are those of the op that had waited longest for its transaction: one batch of a
	// transaction has them. Nil: this one has not.
	Stages *Stages

	own     bool  // this node's
	compact bool  // the body of its one event takes most of the memory that it keeps
	told    int64 // of the first batch that an own transaction makes in its room: what had been told there before it began

	forms forms
}

// Prev is the number after which the batch comes.
func (b *Batch) Prev() int64 { return b.Events[0].Prev }

// Last is the number of the batch's last event.
func (b *Batch) Last() int64 { return b.Events[len(b.Events)-1].Seq }

// bytes is about how much memory the batch holds.
func (b *Batch) bytes() (n int64) {
	for i := range b.Events {
		n += int64(len(b.Events[i].Frame) + len(b.Events[i].Patch))
	}
	return n
}

// After returns the part of the batch that is news to somebody who stands at seq,
// with that number as the Prev of its first event; nil where nothing is. In the usual
// case that is the batch itself, so that what it derived stays shared.
func (b *Batch) After(seq int64) *Batch {
	i := slices.IndexFunc(b.Events, func(e Event) bool { return e.Seq > seq })
	switch {
	case i < 0:
		return nil
	case i == 0 && b.Prev() >= seq:
		return b
	}
	return b.rest(i, max(seq, b.Events[i].Prev))
}

// rest returns the batch from its event i on, which comes after the number prev.
func (b *Batch) rest(i int, prev int64) *Batch {
	events := slices.Clone(b.Events[i:])
	if first := &events[0]; first.Prev != prev {
		first.Prev = prev
		first.Frame = protocol.AppendEvent(nil, first.Kind, first.Body, first.Seq, prev, protocol.CaughtUp)
		first.Patch = nil // who knows more than the event before it is told the whole message
	}
	return &Batch{Room: b.Room, Timeline: b.Timeline, Events: events}
}

// Patched reports whether clients of version 2 are told something else than those of
// version 1.
func (b *Batch) Patched() bool {
	for i := range b.Events {
		if b.Events[i].Patch != nil {
			return true
		}
	}
	return false
}

// Derive returns what make made of the batch the first time it was called with the
// form, so that what all listeners of one transport share (the bytes on the wire) is
// made once.
func (b *Batch) Derive(f Form, make func(*Batch) any) any {
	return b.forms.derive(f, func() any { return make(b) })
}

// Form names what a transport makes of batches and histories.
type Form string

// forms keeps what was made, by form. There are few.
type forms struct {
	mu   sync.Mutex
	made []madeForm
}

type madeForm struct {
	form Form
	is   any
}

func (f *forms) derive(form Form, make func() any) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.made {
		if m.form == form {
			return m.is
		}
	}
	is := make()
	f.made = append(f.made, madeForm{form, is})
	return is
}

// Listener gets what happens in the rooms that it follows. Calls for one room
// come one at a time and in the room's order, from any goroutine, while a lock of
// the hub is held: a listener only passes on (to a loop's mailbox, a channel with
// room), never blocks or calls back, and makes no system call. Where somebody has to
// be woken for it, it returns whom; that is done after the lock.
type Listener interface {
	// Deliver tells durable events. For one room the Prev of a batch is never
	// beyond the Last of the batch before it: nothing is missing between them.
	Deliver(b *Batch) Waker
	// Rewound tells that the store has lost events that were delivered, or some that
	// History or Resume told. Nothing else comes after it: the listener unfollows the
	// room and has its members come anew.
	Rewound() Waker
	// Notify tells a Notice, or who has read how far. It has no place in the order.
	Notify(n *Notice) Waker
}

// MemberListener is a Listener that has members.
type MemberListener interface {
	Listener
	// Count has it count its members into a room: those who are there, and then those who
	// arrive and depart, as long as Arrive says so. When the first are counted, it calls Counted.
	Count(r *presence.Room) Waker
	// Missed tells that notices of the room may have been missed. It wakes nobody.
	Missed()
	// Members is how many there are. It is safe for concurrent use.
	Members() int
}

// Waker is who has to be woken to take what was queued. Wake is safe for concurrent
// use, and cheap where it was called already.
type Waker interface{ Wake() }

// Notice is something of a room that is told and not stored. It never changes, so
// all loops share one.
type Notice struct {
	Kind  protocol.Kind // of the class Notice, or KindRead: then only Room and Reads are set, and perhaps Missed
	Room  uuid.UUID
	User  uuid.UUID // whose doing it is: not told to the user's own connections
	Frame []byte    // JSON text

	Reads  []ReadBy
	Missed bool // there were marks before, of which the listeners were not told
}

// ReadBy says how far a user has read now. Each user may know it of themselves; who else, the
// listener decides.
type ReadBy struct {
	User uuid.UUID
	Seq  int64
	Via  any // Op.Via of the mark
}
