package backplane

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// The body of events: how many, the number they come after, then for each
//
//	kind
//	how far its number lies from the one before
//	version 2: id of its row, zero where it is not known
//	id of the message; version 2: zero for an event about no message
//	length of the frame, place and length of the message's object in it
//	frame
//	version 3: length of the patch, 0: none; patch
//
// Version 1 knows the kinds KindMessage and KindEdit. Version 2 knows every kind:
// what an event of an unknown one means is not the backplane's business. A batch without
// patches needs no version 3 for them.

// patchVersion is the first version that has patches.
const patchVersion = 3

// wholeVersion is the first version whose nodes know all that a message has. A change that
// is told in an older one leaves out what its node does not know: that the message is
// deleted, or pinned. So changes are told in this version, and read from the database
// where they come in an older one.
const wholeVersion = 3

// eventsMax is the most events that are taken out of one envelope.
const eventsMax = 100_000

// encodeEvents makes the envelope of a batch, of the least version that its events
// need.
func encodeEvents(node uuid.UUID, b *room.Batch) []byte {
	h := header{version: 1, kind: envelopeEvents, node: node, room: b.Room, timeline: b.Timeline}
	size := headerBytes + signatureBytes + 64
	for i := range b.Events {
		h.version = max(h.version, since(b.Events[i].Kind))
		if b.Events[i].Kind != protocol.KindMessage {
			h.version = max(h.version, wholeVersion)
		}
		if b.Events[i].Patch != nil {
			h.version = max(h.version, patchVersion)
		}
		size += len(b.Events[i].Frame) + len(b.Events[i].Patch) + 64
	}
	dst := begin(make([]byte, 0, size), h)
	dst = binary.AppendUvarint(dst, uint64(len(b.Events)))
	last := b.Prev()
	dst = binary.AppendUvarint(dst, uint64(last))
	for i := range b.Events {
		e := &b.Events[i]
		dst = append(dst, byte(e.Kind))
		dst = binary.AppendUvarint(dst, uint64(e.Seq-last))
		last = e.Seq
		if h.version > 1 {
			dst = append(dst, e.Row[:]...)
		}
		dst = append(dst, e.Message[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(e.Frame)))
		dst = binary.AppendUvarint(dst, uint64(bytes.Index(e.Frame, e.Body)))
		dst = binary.AppendUvarint(dst, uint64(len(e.Body)))
		dst = append(dst, e.Frame...)
		if h.version >= patchVersion {
			dst = binary.AppendUvarint(dst, uint64(len(e.Patch)))
			dst = append(dst, e.Patch...)
		}
	}
	return seal(dst)
}

// isPartial reports whether the envelope tells a change in an older version than that.
func (e *envelope) isPartial() bool {
	return e.batch != nil && e.version < wholeVersion &&
		slices.ContainsFunc(e.batch.Events, func(e room.Event) bool { return e.Kind != protocol.KindMessage })
}

// batch reads events; they must follow one another without holes.
func (r *reader) batch(h header) *room.Batch {
	count := r.uvarint()
	last := int64(r.uvarint())
	if count == 0 || count > eventsMax || count > uint64(len(r.p)) {
		r.bad = true
		return nil
	}
	b := &room.Batch{Room: h.room, Timeline: h.timeline, Events: make([]room.Event, 0, min(count, 256))}
	for range count {
		e := r.event(h.version, last)
		if r.bad {
			return nil
		}
		last = e.Seq
		b.Events = append(b.Events, e)
	}
	return b
}

// event reads one event that comes after a number.
func (r *reader) event(version uint8, last int64) room.Event {
	e := room.Event{Kind: protocol.Kind(r.byte()), Prev: last, Seq: last + int64(r.uvarint())}
	if version > 1 {
		e.Row = r.id()
	}
	e.Message = r.id()
	if version == 1 && e.Kind == protocol.KindMessage {
		e.Row = e.Message // the message's row is the event's
	}
	size, at, length := r.uvarint(), r.uvarint(), r.uvarint()
	e.Frame = r.bytes(size)
	if r.bad || e.Seq <= last || !eventKind(version, e.Kind) || at > size || length > size-at {
		r.bad = true
		return e
	}
	if version >= patchVersion {
		if size := r.uvarint(); size > 0 {
			e.Patch = r.bytes(size)
		}
		if r.bad {
			return e
		}
	}
	e.Body = e.Frame[at : at+length : at+length]
	e.Quoted = protocol.Quoted(e.Body)
	return e
}

// eventKind says whether envelopes of the version may have events of the kind.
func eventKind(version uint8, k protocol.Kind) bool {
	if version == 1 {
		return k == protocol.KindMessage || k == protocol.KindEdit
	}
	return may(k, protocol.Event)
}
