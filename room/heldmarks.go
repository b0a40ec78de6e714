package room

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// heldMarks are the read marks that nobody waits for. Clients mark much more often than it is
// worth a row: so the greatest of each user and room is kept for markEvery, and all of them
// are stored together. There is one place for the whole node and not one a lane, so that it is
// bounded once, and costs no lane anything that has none.
//
// What is kept is lost where the process dies: the client marks again what its server does not
// know. Its methods are safe for concurrent use and hold the lock for work in memory only.
type heldMarks struct {
	s    *Service
	kick chan struct{} // something is kept
	full chan struct{} // there is no more room, or more is kept than a pass may store
	some atomic.Bool   // something is kept, as far as can be said without the lock

	passes sync.Mutex // held by a pass of store; taken before mu

	mu     sync.Mutex
	held   map[markKey]heldMark // nil: nothing is kept
	closed bool
}

// markKey is whose mark it is.
type markKey struct{ room, user uuid.UUID }

// heldMark is what is known of a mark until it is stored.
type heldMark struct {
	trip uuid.UUID
	upTo int64
	at   time.Time
	via  any
}

func newHeldMarks(s *Service) *heldMarks {
	return &heldMarks{s: s, kick: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// MarkRead takes an op that says how far its sender has read, and whose outcome nobody waits
// for. It is stored within markEvery, unless the sender says meanwhile that they have read
// further. The op stays the caller's.
func (s *Service) MarkRead(op *Op) {
	if op.UpTo <= 0 { // which everybody has read
		return
	}
	k, m := markKey{op.Room, op.Sender.ID}, heldMark{op.Trip, op.UpTo, op.At, op.Via}
	if !s.held.put(k, m) {
		s.Submit(m.op(k, s.held.answered))
	}
}

// put keeps a mark, unless there is a greater one. False where there is no more room.
func (h *heldMarks) put(k markKey, m heldMark) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, known := h.held[k]
	switch {
	case known && old.upTo >= m.upTo:
		return true
	case h.closed:
		return false
	case !known && len(h.held) >= heldMarksMax:
		signal(h.full)
		return false
	case h.held == nil:
		h.held = make(map[markKey]heldMark)
		h.some.Store(true)
		signal(h.kick)
	}
	h.held[k] = m
	return true
}

// signal leaves one element in a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// op makes of a mark what a lane takes.
func (m *heldMark) op(k markKey, answer func(*Op)) *Op {
	return &Op{
		Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: m.upTo},
		Room:   k.room, Trip: m.trip, Sender: protocol.User{ID: k.user}, At: m.at.UTC().Truncate(time.Microsecond), Via: m.via, Answer: answer,
	}
}

// run stores what is kept, until ctx ends: the first marks soon, with those that come at the
// same time, and the next ones markEvery later, or sooner where there is no more room. While the
// lanes take none, nothing is gained by haste.
func (h *heldMarks) run(ctx context.Context) {
	var stored time.Time
	hurry := h.full
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.kick:
		}
		gathered := time.After(markGather)
		select {
		case <-ctx.Done():
			return
		case <-hurry:
		case <-time.After(max(markGather, markEvery-time.Since(stored))):
		}
		select {
		case <-ctx.Done():
			return
		case <-gathered:
		}
		stored = time.Now()
		taken := false
		_ = h.s.guard.Call("read marks", func() { taken = h.pass() })
		if hurry = h.full; !taken {
			hurry = nil
		}
	}
}

// pass hands the lanes a batch of what is kept. False where they have no room for any.
func (h *heldMarks) pass() bool {
	h.passes.Lock()
	defer h.passes.Unlock()
	placed, left := h.store(h.s.cfg.BatchOps)
	if placed && left {
		signal(h.full)
	}
	return placed || !left
}

// store hands what is kept to the lanes, while fewer than most ops wait in one: messages come
// behind no more than that. What finds no place stays. It is called with h.passes held, so that
// whoever looks next finds in the lanes or here what this pass has taken.
func (h *heldMarks) store(most int) (placed, left bool) {
	held := h.take()
	ops, room := make(map[*lane][]*Op), make(map[*lane]int)
	for _, l := range h.s.lanes {
		room[l] = most - l.queue.Len()
	}
	for k, m := range held {
		if l := h.s.lane(k.room); len(ops[l]) < room[l] {
			ops[l] = append(ops[l], m.op(k, h.answered))
			delete(held, k)
		}
	}
	for l, all := range ops {
		n := l.submitAll(all, most)
		placed = placed || n > 0
		for _, op := range all[n:] {
			held[markKey{op.Room, op.Sender.ID}] = heldMark{op.Trip, op.UpTo, op.At, op.Via}
		}
	}
	left = len(held) > 0
	h.putAllBack(held)
	return placed, left
}

// take returns all that is kept, and keeps it no more.
func (h *heldMarks) take() map[markKey]heldMark {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.held
	h.held = nil
	h.some.Store(false)
	return held
}

// putAllBack keeps again what take returned, with what was kept since.
func (h *heldMarks) putAllBack(held map[markKey]heldMark) {
	if len(held) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		h.s.stats.MarksDropped.Add(int64(len(held)))
		return
	}
	since := h.held
	h.held = held
	h.some.Store(true)
	signal(h.kick)
	for k, m := range since {
		old, known := held[k]
		switch {
		case !known && len(held) >= heldMarksMax:
			h.s.stats.MarksDropped.Add(1)
		case old.upTo < m.upTo:
			held[k] = m
		}
	}
}

// storeOne stores the mark of a user who leaves, if one is kept: so whoever comes again soon is
// told of it. It goes into the lane under the lock: a drain finds it here or there.
func (h *heldMarks) storeOne(k markKey) {
	if !h.some.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if m, known := h.held[k]; known && h.s.lane(k.room).submit(m.op(k, h.answered)) {
		delete(h.held, k)
	}
}

// LeftRoom says that a user has left a room with a connection.
func (s *Service) LeftRoom(room, user uuid.UUID) { s.held.storeOne(markKey{room, user}) }

// close stores what is kept, and keeps nothing from now on.
func (h *heldMarks) close() {
	h.passes.Lock()
	defer h.passes.Unlock()
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.store(h.s.cfg.QueueOps)
}

// answered keeps a mark again that could not be stored now. It counts as another op does.
func (h *heldMarks) answered(op *Op) {
	if op.Err == protocol.ErrUnavailable || op.Err == protocol.ErrUnknownOutcome { // to store it twice does no harm
		h.putBack(op)
	}
}

func (h *heldMarks) putBack(op *Op) {
	if !h.put(markKey{op.Room, op.Sender.ID}, heldMark{op.Trip, op.UpTo, op.At, op.Via}) {
		h.s.stats.MarksDropped.Add(1)
	}
}

// len is how many marks are kept.
func (h *heldMarks) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}
