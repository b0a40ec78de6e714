package backplane

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// An envelope is what a notice looks like in Redis, all numbers as unsigned
// varints but for the checksum:
//
//	magic "CV", version, kind, id of the node, id of the room, body, CRC-32C (4 bytes, little endian)
//
// The body of events: how many, the number they come after, then for each its
// kind, how far its seq and its prev lie from what came before, the message's id, and
// the frame with the place of the message in it. The body of typing: the user's id,
// the frame. The body of a heartbeat: a number of the node's own.
//
// A reader takes every version up to its own, and ignores what is newer.
const (
	magic           = "CV"
	envelopeVersion = 1
	headerBytes     = len(magic) + 2 + 16 + 16
	eventsMax       = 100_000
)

type envelopeKind byte

const (
	envelopeEvents envelopeKind = iota + 1
	envelopeTyping
	envelopeHeartbeat
)

// notice is a decoded envelope. Its byte slices share the envelope's memory.
type notice struct {
	kind   envelopeKind
	node   uuid.UUID
	room   uuid.UUID
	batch  *room.Batch  // envelopeEvents
	typing *room.Notice // envelopeTyping
	number uint64       // envelopeHeartbeat
}

// Why an envelope is not understood.
var (
	errForeign   = errors.New("not an envelope of Caravan")
	errNewer     = errors.New("an envelope of a newer version")
	errMalformed = errors.New("a malformed envelope")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func begin(dst []byte, kind envelopeKind, node, roomID uuid.UUID) []byte {
	dst = append(dst, magic...)
	dst = append(dst, envelopeVersion, byte(kind))
	dst = append(dst, node[:]...)
	return append(dst, roomID[:]...)
}

func seal(dst []byte) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

// encodeEvents makes the envelope of a batch.
func encodeEvents(node uuid.UUID, b *room.Batch) []byte {
	size := headerBytes + 64
	for i := range b.Events {
		size += len(b.Events[i].Frame) + 64
	}
	dst := begin(make([]byte, 0, size), envelopeEvents, node, b.Room)
	dst = binary.AppendUvarint(dst, uint64(len(b.Events)))
	last := b.Prev()
	dst = binary.AppendUvarint(dst, uint64(last))
	for i := range b.Events {
		e := &b.Events[i]
		dst = append(dst, byte(e.Kind))
		dst = binary.AppendUvarint(dst, uint64(e.Seq-last))
		last = e.Seq
		dst = append(dst, e.Message[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(e.Frame)))
		dst = binary.AppendUvarint(dst, uint64(bytes.Index(e.Frame, e.Body)))
		dst = binary.AppendUvarint(dst, uint64(len(e.Body)))
		dst = append(dst, e.Frame...)
	}
	return seal(dst)
}

// echo says whether an envelope is one of the node's own and no heartbeat: then there
// is no need to look into it.
func echo(payload string, node uuid.UUID) bool {
	return len(payload) >= headerBytes && payload[:len(magic)] == magic &&
		envelopeKind(payload[3]) != envelopeHeartbeat && payload[4:20] == string(node[:])
}

func encodeTyping(node uuid.UUID, n *room.Notice) []byte {
	dst := begin(make([]byte, 0, headerBytes+16+len(n.Frame)+8), envelopeTyping, node, n.Room)
	dst = append(dst, n.User[:]...)
	return seal(append(dst, n.Frame...))
}

func encodeHeartbeat(node uuid.UUID, number uint64) []byte {
	return seal(binary.AppendUvarint(begin(nil, envelopeHeartbeat, node, uuid.UUID{}), number))
}

// decode reads an envelope. It never panics and never allocates more than in
// proportion to p, whatever p holds.
func decode(p []byte) (*notice, error) {
	if len(p) < headerBytes+4 || string(p[:len(magic)]) != magic {
		return nil, errForeign
	}
	if p[2] > envelopeVersion {
		return nil, errNewer
	}
	body, sum := p[:len(p)-4], binary.LittleEndian.Uint32(p[len(p)-4:])
	if p[2] == 0 || crc32.Checksum(body, castagnoli) != sum {
		return nil, errMalformed
	}
	n := &notice{kind: envelopeKind(p[3]), node: uuid.UUID(p[4:20]), room: uuid.UUID(p[20:36])}
	r := reader{p: body[headerBytes:]}
	switch n.kind {
	case envelopeEvents:
		n.batch = r.batch(n.room)
	case envelopeTyping:
		n.typing = &room.Notice{Kind: protocol.KindTyping, Room: n.room, User: r.id()}
		n.typing.Frame, r.p = r.p, nil
		if len(n.typing.Frame) == 0 {
			r.bad = true
		}
	case envelopeHeartbeat:
		n.number = r.uvarint()
	default:
		r.bad = true
	}
	if r.bad || len(r.p) > 0 {
		return nil, errMalformed
	}
	return n, nil
}

// reader takes the parts of a body off p; bad is set for good when one is not there.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 || v > 1<<62 {
		r.bad = true
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.p)) {
		r.bad = true
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) id() (id uuid.UUID) {
	copy(id[:], r.bytes(16))
	return id
}

// batch reads events; they must follow one another without holes.
func (r *reader) batch(roomID uuid.UUID) *room.Batch {
	count := r.uvarint()
	last := int64(r.uvarint())
	if count == 0 || count > eventsMax || count > uint64(len(r.p)) {
		r.bad = true
		return nil
	}
	b := &room.Batch{Room: roomID, Events: make([]room.Event, 0, min(count, 256))}
	for range count {
		kind := protocol.Kind(0)
		if k := r.bytes(1); k != nil {
			kind = protocol.Kind(k[0])
		}
		step := r.uvarint()
		e := room.Event{Kind: kind, Prev: last, Seq: last + int64(step), Message: r.id()}
		size, at, length := r.uvarint(), r.uvarint(), r.uvarint()
		e.Frame = r.bytes(size)
		if r.bad || step == 0 || e.Seq <= last || kind < protocol.KindMessage || kind > protocol.KindEdit || at > size || length > size-at {
			r.bad = true
			return nil
		}
		e.Body = e.Frame[at : at+length : at+length]
		last = e.Seq
		b.Events = append(b.Events, e)
	}
	return b
}
