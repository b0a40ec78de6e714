package backplane

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/presence"
)

// An envelope is what a notice looks like in Redis:
//
//	magic "CV", version, kind, id of the node, id of the room, body, signature, CRC-32C (4 bytes, little endian)
//
// The magic, the places and the sizes in the header, the signature and the checksum never change.
// So every node can read of every envelope, however new, which node sent it and which
// room it concerns. What the body holds depends on version and kind; all numbers in
// it are unsigned varints.
//
// The version is the least version of the log (protocol.LogVersion) that a reader
// must know to understand the envelope, with a bit that says that it is signed
// (signature.go), and one that says that the body begins with a timeline (4 bytes, little endian):
// that of the primary that has what it tells. To builds before that bit such a version is a newer one.
// A reader takes every version up to its own. Of a newer one it takes
// the room's id, and has the room compared with the database.
//
// Bodies of version 1 (events.go has those of events):
//
//	typing:    id of the user, frame
//	heartbeat: a number of the node's own
//	primary:   nothing but the timeline (primary.go)
//
// Bodies of version 2:
//
//	notice: kind, id of the user, frame
//
// Bodies of version 4:
//
//	notice of the kind mark_read: kind, then for each user who has read further their id, number
//
// Bodies of version 5 (presence.go): notices of who is where.
const (
	magic       = "CV"
	headerBytes = len(magic) + 2 + 16 + 16
	sumBytes    = 4
)

// envelopeKind says what an envelope holds. The values never change.
type envelopeKind byte

const (
	envelopeEvents    envelopeKind = 1
	envelopeTyping    envelopeKind = 2 // the Notice of version 1
	envelopeHeartbeat envelopeKind = 3
	envelopeNotice    envelopeKind = 4 // of any kind; since version 2
	envelopePrimary   envelopeKind = 5 // not published: a key in Redis
)

// timed is the bit of a version that says that the body begins with a timeline.
const timed = 0x40

// lossy says that nobody misses an envelope of the kind: nothing that it tells
// stands in the database.
func (k envelopeKind) lossy() bool {
	return k == envelopeTyping || k == envelopeHeartbeat || k == envelopeNotice
}

// header is the part of an envelope that every version has.
type header struct {
	version  uint8
	kind     envelopeKind
	node     uuid.UUID
	room     uuid.UUID
	timed    bool
	timeline room.Timeline // of a body that was read: zero: not told
}

// envelope is a decoded one. Its byte slices share the memory of what was decoded.
type envelope struct {
	header
	batch  *room.Batch  // envelopeEvents
	notice *room.Notice // envelopeTyping, envelopeNotice
	number uint64       // envelopeHeartbeat

	said    *presence.Said // of an envelopeNotice, in place of notice
	watched []uuid.UUID    // likewise
}

// Why an envelope is not understood.
var (
	errForeign   = errors.New("not an envelope of Caravan")
	errNewer     = errors.New("an envelope of a newer version")
	errOlder     = errors.New("a change that an older version told")
	errMalformed = errors.New("a malformed envelope")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// begin appends the header, and the timeline if there is one.
func begin(dst []byte, h header) []byte {
	version := h.version
	if h.timeline != 0 {
		version |= timed
	}
	dst = append(dst, magic...)
	dst = append(dst, version, byte(h.kind))
	dst = append(dst, h.node[:]...)
	dst = append(dst, h.room[:]...)
	if h.timeline != 0 {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(h.timeline))
	}
	return dst
}

// seal appends the checksum.
func seal(dst []byte) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

// readHeader reads the header; false where p is no envelope.
func readHeader[B string | []byte](p B) (h header, ok bool) {
	if len(p) < headerBytes+sumBytes || string(p[:len(magic)]) != magic {
		return h, false
	}
	h.version, h.kind, h.timed = p[2]&^(signed|timed), envelopeKind(p[3]), p[2]&timed != 0
	copy(h.node[:], p[4:20])
	copy(h.room[:], p[20:36])
	return h, true
}

// since returns the least version of an envelope for an event or a notice of the
// kind. A kind that this build does not know is none of version 1.
func since(k protocol.Kind) uint8 {
	if s := k.Since(); s > 0 {
		return s
	}
	return 2
}

// readsVersion is the first version whose nodes tell users what they have read by other nodes.
const readsVersion = 4

// encodeNotice makes the envelope of a notice.
func encodeNotice(node uuid.UUID, n *room.Notice) []byte {
	if n.Kind == protocol.KindRead {
		return encodeReads(node, n)
	}
	h := header{version: 1, kind: envelopeTyping, node: node, room: n.Room}
	if n.Kind != protocol.KindTyping {
		h.version, h.kind = max(2, since(n.Kind)), envelopeNotice
	}
	dst := begin(make([]byte, 0, headerBytes+1+16+len(n.Frame)+signatureBytes+sumBytes), h)
	if h.kind == envelopeNotice {
		dst = append(dst, byte(n.Kind))
	}
	dst = append(dst, n.User[:]...)
	return seal(append(dst, n.Frame...))
}

// encodeReads makes the envelope of who has read how far.
func encodeReads(node uuid.UUID, n *room.Notice) []byte {
	size := headerBytes + 1 + len(n.Reads)*(16+binary.MaxVarintLen64) + signatureBytes + sumBytes
	dst := begin(make([]byte, 0, size), header{version: readsVersion, kind: envelopeNotice, node: node, room: n.Room})
	dst = append(dst, byte(n.Kind))
	for _, r := range n.Reads {
		dst = binary.AppendUvarint(append(dst, r.User[:]...), uint64(r.Seq))
	}
	return seal(dst)
}

// encodeHeartbeat makes the envelope of a heartbeat.
func encodeHeartbeat(node uuid.UUID, number uint64) []byte {
	return seal(binary.AppendUvarint(begin(nil, header{version: 1, kind: envelopeHeartbeat, node: node}), number))
}

// unseal reads the header of an envelope, and takes the checksum off it.
func unseal(p []byte) (h header, rest []byte, err error) {
	h, ok := readHeader(p)
	if !ok {
		return h, nil, errForeign
	}
	rest, sum := p[:len(p)-sumBytes], binary.LittleEndian.Uint32(p[len(p)-sumBytes:])
	if h.version == 0 || crc32.Checksum(rest, castagnoli) != sum {
		return h, nil, errMalformed
	}
	return h, rest, nil
}

// decode reads the body of an envelope. It never panics and never allocates more than
// in proportion to the body, whatever that holds.
func decode(h header, body []byte) (*envelope, error) {
	if h.version > protocol.LogVersion {
		return nil, errNewer
	}
	r := reader{p: body}
	if h.timed {
		h.timeline = r.timeline()
	}
	e := &envelope{header: h}
	switch {
	case h.kind == envelopeEvents:
		e.batch = r.batch(h)
	case h.kind == envelopeTyping && h.version == 1:
		e.notice = r.notice(h.room, protocol.KindTyping)
	case h.kind == envelopeNotice && h.version > 1:
		kind := protocol.Kind(r.byte())
		if kind == protocol.KindPresence {
			r.presence(e)
			break
		}
		e.notice = r.notice(h.room, kind)
		r.bad = r.bad || kind == protocol.KindRead && h.version < readsVersion
	case h.kind == envelopeHeartbeat && h.version == 1:
		e.number = r.uvarint()
	case h.kind == envelopePrimary && h.timed:
	default:
		r.bad = true
	}
	if r.bad || len(r.p) > 0 {
		return nil, errMalformed
	}
	return e, nil
}

// notice reads the user and the frame, which is all the rest. A kind that is known
// for another class is none of a notice, but for read marks.
func (r *reader) notice(roomID uuid.UUID, kind protocol.Kind) *room.Notice {
	if kind == protocol.KindRead {
		return r.reads(roomID)
	}
	n := &room.Notice{Kind: kind, Room: roomID, User: r.id()}
	n.Frame = r.bytes(uint64(len(r.p)))
	r.bad = r.bad || len(n.Frame) == 0 || !may(kind, protocol.Notice)
	return n
}

// reads reads who has read how far, which is all the rest.
func (r *reader) reads(roomID uuid.UUID) *room.Notice {
	n := &room.Notice{Kind: protocol.KindRead, Room: roomID}
	for len(r.p) > 0 && !r.bad {
		by := room.ReadBy{User: r.id(), Seq: int64(r.uvarint())}
		r.bad = r.bad || by.Seq == 0
		n.Reads = append(n.Reads, by)
	}
	r.bad = r.bad || len(n.Reads) == 0
	return n
}

// may says whether a kind is of the class, or unknown to this build: then it may be.
func may(k protocol.Kind, class protocol.Class) bool {
	return k != 0 && (k.Class() == class || k.Class() == 0)
}
