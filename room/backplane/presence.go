package backplane

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/presence"
)

// The body of a notice of the kind presence: the kind, what is said, and then
//
//	of a room: its number, how many are there, how many joined, their ids, how many left, their ids
//	of rooms that are watched: their ids, which are all the rest. The envelope names no room
//
// Nodes before presenceVersion pass it over: nothing of it is missed.
const presenceVersion = 5

// saidWatched says which rooms a node wants to know of. The other values are those of presence.SaidKind.
const saidWatched presence.SaidKind = 7

// watchedMax is how many rooms one envelope names.
const watchedMax = 4_096

// PublishPresence implements room.Backplane.
func (b *Backplane) PublishPresence(said *presence.Said) bool {
	s := b.slot(said.Room)
	return s.publisher.open() && s.publisher.enqueue(s.channel(said.Room), b.keys.sign(encodePresence(b.node, said)), lossyMax)
}

// PublishWatched implements room.Backplane. Each slot's rooms go the way of that slot.
func (b *Backplane) PublishWatched(rooms []uuid.UUID) bool {
	taken, of := true, make(map[*slot][]uuid.UUID)
	for _, id := range rooms {
		s := b.slot(id)
		of[s] = append(of[s], id)
	}
	for s, rooms := range of {
		for some := range slices.Chunk(rooms, watchedMax) {
			taken = s.publisher.open() && s.publisher.enqueue(s.all, b.keys.sign(encodeWatched(b.node, some)), lossyMax) && taken
		}
	}
	return taken
}

// Lives implements room.Backplane.
func (b *Backplane) Lives(node, room uuid.UUID) bool {
	return b.leases.lives(node, b.slot(room).number, b.now())
}

func encodePresence(node uuid.UUID, said *presence.Said) []byte {
	size := headerBytes + 2 + 4*binary.MaxVarintLen64 + 16*(len(said.Joined)+len(said.Left)) + signatureBytes + sumBytes
	dst := begin(make([]byte, 0, size), header{version: presenceVersion, kind: envelopeNotice, node: node, room: said.Room})
	dst = append(dst, byte(protocol.KindPresence), byte(said.Kind))
	dst = binary.AppendUvarint(dst, said.Version)
	dst = binary.AppendUvarint(dst, uint64(said.Count))
	for _, ids := range [][]uuid.UUID{said.Joined, said.Left} {
		dst = appendIDs(binary.AppendUvarint(dst, uint64(len(ids))), ids)
	}
	return seal(dst)
}

func encodeWatched(node uuid.UUID, rooms []uuid.UUID) []byte {
	dst := begin(make([]byte, 0, headerBytes+2+16*len(rooms)+signatureBytes+sumBytes), header{version: presenceVersion, kind: envelopeNotice, node: node})
	return seal(appendIDs(append(dst, byte(protocol.KindPresence), byte(saidWatched)), rooms))
}

func appendIDs(dst []byte, ids []uuid.UUID) []byte {
	for i := range ids {
		dst = append(dst, ids[i][:]...)
	}
	return dst
}

// presence reads what is said of who is where, which is all the rest.
func (r *reader) presence(e *envelope) {
	kind := presence.SaidKind(r.byte())
	if kind == saidWatched {
		e.watched = r.ids(uint64(len(r.p) / 16))
		r.bad = r.bad || len(e.watched) == 0 || e.room != uuid.Nil
		return
	}
	said := &presence.Said{Node: e.node, Room: e.room, Kind: kind, Version: r.uvarint()}
	count := r.uvarint()
	said.Joined = r.ids(r.uvarint())
	said.Left = r.ids(r.uvarint())
	said.Count = int(count)
	r.bad = r.bad || kind == 0 || kind > presence.Leaving || count > countMax
	e.said = said
}

// countMax is more users than a node can have.
const countMax = 1 << 30

// ids reads so many ids.
func (r *reader) ids(n uint64) []uuid.UUID {
	if n > uint64(len(r.p)/16) {
		r.bad = true
		return nil
	}
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = r.id()
	}
	return ids
}

// leases are when other nodes were heard last. What a node said of who is there counts for as
// long as its lease, whatever the database knows of it. Safe for concurrent use.
type leases struct {
	mu    sync.Mutex
	nodes map[uuid.UUID]*leased // at most nodesMax
}

// leased is one of them. Times are since the start of this node.
type leased struct {
	heard   []time.Duration // by slot
	numbers []uint64        // by slot: that of the last heartbeat
}

// heard takes another node's heartbeat. True: its lease had ended, or it was not known. A
// heartbeat that is not younger than the last was repeated by somebody.
func (l *leases) heard(node uuid.UUID, slot, slots int, number uint64, now time.Duration) (met bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.nodes[node]
	if x == nil {
		if x = l.add(node, slots, now); x == nil {
			return false
		}
	}
	if number <= x.numbers[slot] {
		return false
	}
	met = x.numbers[slot] == 0 || now-x.heard[slot] >= heardFor
	x.heard[slot], x.numbers[slot] = now, number
	return met
}

// add begins to know a node; nil where there are too many.
func (l *leases) add(node uuid.UUID, slots int, now time.Duration) *leased {
	if l.nodes == nil {
		l.nodes = make(map[uuid.UUID]*leased)
	}
	maps.DeleteFunc(l.nodes, func(_ uuid.UUID, x *leased) bool { return now-slices.Max(x.heard) >= leaseKept })
	if len(l.nodes) >= nodesMax {
		return nil
	}
	x := &leased{heard: make([]time.Duration, slots), numbers: make([]uint64, slots)}
	for i := range x.heard {
		x.heard[i] = now
	}
	l.nodes[node] = x
	return x
}

// known takes something else that a node said. It counts where no heartbeat of it has come yet.
func (l *leases) known(node uuid.UUID, slots int, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[node] == nil {
		l.add(node, slots, now)
	}
}

func (l *leases) lives(node uuid.UUID, slot int, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.nodes[node]
	return x != nil && now-x.heard[slot] < heardFor
}
