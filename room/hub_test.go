package room

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
)

// follower is a listener that checks the order of what it hears.
type follower struct {
	t     rapid.TB
	last  int64
	woken int
}

func (f *follower) Deliver(b *Batch) Waker {
	for _, e := range b.Events {
		if e.Prev != f.last {
			f.t.Fatalf("event %d says that it comes after %d, but %d was told last", e.Seq, e.Prev, f.last)
		}
		f.last = e.Seq
	}
	return f
}

func (f *follower) Notify(*Notice) Waker { return f }

func (f *follower) Rewound() Waker {
	f.t.Fatalf("the store is said to have gone back")
	return nil
}

func (f *follower) Wake() { f.woken++ }

// readAll reads the room once, as a repair does.
func (h *hub) readAll(t *testing.T, log *roomLog) {
	t.Helper()
	todo, needed := h.beginRead(log.room)
	if !needed {
		t.Fatal("nothing is to be read")
	}
	w := log.walk(todo.from.seq, 1_000)
	h.endRead(log.room, todo, func(s *sequencer) step {
		return s.page(encodeWalk(log.room, todo.from.seq, w.Entries), w.end(), false, 0)
	})
}

// TestHubParksABoundedNumber says what happens when too many batches wait behind a
// gap: they are left out, counted, and read from the store.
func TestHubParksABoundedNumber(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range parkedBatchesMax + 10 {
		log.send()
	}
	var stats counters
	var asked int
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) { asked++ })
	f := &follower{t: t}
	h.follow(log.room, 0, f)
	for seq := int64(2); seq <= log.head(); seq++ {
		h.announce(log.batch(seq, seq), 0)
	}
	if got, want := stats.ParkedDropped.Load(), int64(9); got != want {
		t.Errorf("%d batches left out, want %d", got, want)
	}
	if f.last != 0 || asked != 1 {
		t.Errorf("told up to %d with %d reads asked for, want 0 and 1", f.last, asked)
	}
	h.announce(log.batch(1, 1), 0)
	if want := int64(1 + parkedBatchesMax); f.last != want {
		t.Errorf("told up to %d once the gap is filled, want %d", f.last, want)
	}
	if h.readAll(t, log); f.last != log.head() {
		t.Errorf("told up to %d, want %d", f.last, log.head())
	}
	if _, more := h.beginRead(log.room); more {
		t.Error("the room is read for ever")
	}
}

// TestHubParksABoundedNumberOfBytes: of all rooms together, given back when the gap
// is filled, and when nobody follows the room any more.
func TestHubParksABoundedNumberOfBytes(t *testing.T) {
	const frame = 1 << 20
	var stats counters
	h := newHub(&stats, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	early := func(room uuid.UUID, seq int64) *Batch {
		return &Batch{Room: room, Events: []Event{{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Message: uuid.New(), Frame: make([]byte, frame)}}}
	}
	followers := make(map[uuid.UUID]*follower)
	for range 4 {
		id := uuid.New()
		followers[id] = &follower{t: t}
		h.follow(id, 0, followers[id])
		for seq := int64(2); seq < 2+parkedBatchesMax/2; seq++ {
			h.announce(early(id, seq), 0)
		}
	}
	if n := h.parkedBytes.Load(); n != parkedBytesMax || stats.ParkedDropped.Load() != 2*parkedBatchesMax-parkedBytesMax/frame {
		t.Errorf("%d bytes are parked, %d batches left out", n, stats.ParkedDropped.Load())
	}
	filled := false
	for id, f := range followers {
		if !filled {
			h.announce(early(id, 1), 0)
		}
		filled = true
		h.unfollow(id, f)
	}
	if n := h.parkedBytes.Load(); n != 0 {
		t.Errorf("%d bytes stay counted", n)
	}
}

// TestARoomIsReadOnceAtATime: of two reads at once the older could end the repair, and
// what only the newer one had seen was dropped.
func TestARoomIsReadOnceAtATime(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	for range 3 {
		log.send()
	}
	asked := 0
	h := newHub(&counters{}, Limit{Messages: 5}, func(uuid.UUID, time.Duration) { asked++ })
	f := &follower{t: t}
	h.follow(log.room, 0, f)
	h.looked(log.room, 0, log.end(), 0)
	h.looked(log.room, 0, log.end(), 0) // another look, before the first read has begun
	todo, needed := h.beginRead(log.room)
	w := log.walk(todo.from.seq, 1_000)
	log.send()
	h.looked(log.room, 0, log.end(), 0)
	if _, twice := h.beginRead(log.room); asked != 2 || !needed || twice {
		t.Errorf("asked for %d times; begins: %v, again meanwhile: %v", asked, needed, twice)
	}
	h.endRead(log.room, todo, func(s *sequencer) step { return s.page(encodeWalk(log.room, 0, w.Entries), w.end(), false, 0) })
	if f.last != 3 || asked != 3 {
		t.Errorf("told up to %d, asked for %d times: what came during the read is not asked for", f.last, asked)
	}
	if h.readAll(t, log); f.last != 4 {
		t.Errorf("told up to %d", f.last)
	}
}

// TestHubGivesUpOnBatchesFromNowhere announces a batch that the store never leads up
// to, as a store that lost it would.
func TestHubGivesUpOnBatchesFromNowhere(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	var stats counters
	var waited, pause time.Duration
	h := newHub(&stats, Limit{Messages: 5}, func(_ uuid.UUID, delay time.Duration) { pause = delay })
	f := &follower{t: t}
	h.follow(log.room, 0, f)
	h.announce(&Batch{Room: log.room, Events: []Event{{Kind: protocol.KindMessage, Seq: 1000, Prev: 999}}}, 0)
	for {
		todo, needed := h.beginRead(log.room)
		if !needed {
			break
		}
		pause = 0
		h.endRead(log.room, todo, func(s *sequencer) step { return s.page(nil, cursor{}, false, 0) })
		if waited += pause; waited > time.Minute {
			t.Fatal("the store is asked for ever")
		}
	}
	if waited < 5*time.Second || waited > 10*time.Second || stats.ParkedDropped.Load() != 1 {
		t.Errorf("given up after %v with %d batches dropped", waited, stats.ParkedDropped.Load())
	}
	log.send()
	if h.announce(log.batch(1, 1), 0); f.last != 1 {
		t.Error("the room's own events do not flow any more")
	}
}

// TestListenersAreWokenAfterTheLock: a wake-up is a system call.
func TestListenersAreWokenAfterTheLock(t *testing.T) {
	log := &roomLog{room: uuid.New()}
	log.send()
	h := newHub(&counters{}, Limit{Messages: 5}, func(uuid.UUID, time.Duration) {})
	const listeners = 20 // more than are kept without an allocation
	all := make([]*unlocked, listeners)
	for i := range all {
		all[i] = &unlocked{follower: follower{t: t}, h: h, room: log.room}
		h.follow(log.room, 0, all[i])
	}
	h.announce(log.batch(1, 1), 0)
	h.notify(&Notice{Room: log.room})
	for i, u := range all {
		if u.woken != 2 || u.locked {
			t.Errorf("listener %d was woken %d times, under the lock: %v", i, u.woken, u.locked)
		}
	}
}

// unlocked is a listener whose wake-up looks whether the room is locked.
type unlocked struct {
	follower
	h      *hub
	room   uuid.UUID
	locked bool
}

func (u *unlocked) Deliver(b *Batch) Waker { _ = u.follower.Deliver(b); return u }
func (u *unlocked) Notify(*Notice) Waker   { return u }

func (u *unlocked) Wake() {
	u.woken++
	if sh := u.h.shard(u.room); sh.mu.TryLock() {
		sh.mu.Unlock()
	} else {
		u.locked = true
	}
}
