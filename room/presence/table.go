package presence

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ErrFull says that too many rooms are watched.
var ErrFull = errors.New("too many rooms are watched")

// Config says how a Table works.
type Config struct {
	List   int           // how many users are named; beyond it they are counted
	Grace  time.Duration // how long a user is there without a connection
	Others Others        // nil: this node is alone

	// Follows reports whether somebody on this node may have members of a room, and Census has
	// them count those into it. For each Expect is called first.
	Follows func(room uuid.UUID) bool
	Census  func(*Room)
	// Congested says that the loops do not keep up: watchers are told later.
	Congested func() bool
	// Contain runs a part of the work, and contains its panics.
	Contain func(part string, do func()) error
}

// Table is all that a node knows of who is where.
type Table struct {
	// Static after construction.
	cfg     Config
	started time.Time
	woken   chan struct{} // something is due

	numbers atomic.Int64 // of what was told
	partial atomic.Bool  // other nodes cannot be heard
	mending atomic.Bool  // they can be again, and have a moment to say who is there
	some    atomic.Bool  // there are rooms, here or elsewhere
	met     atomic.Bool  // a node was heard that does not know what is watched
	ended   atomic.Bool  // nothing more is said
	stats   counters

	mu        sync.RWMutex // taken before that of a room
	rooms     map[uuid.UUID]*Room
	elsewhere map[uuid.UUID]time.Time // rooms that other nodes want to know of, until then
	fresh     []uuid.UUID             // rooms that this one wants to know of, and has not told all nodes
}

// New returns a Table. Run is to be called.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, started: time.Now(), woken: make(chan struct{}, 1), rooms: make(map[uuid.UUID]*Room), elsewhere: make(map[uuid.UUID]time.Time)}
}

// version is a number greater than all that this node has given before.
func (t *Table) version() uint64 { return uint64(time.Since(t.started)/time.Microsecond) + 1 }

// publish says something to other nodes. False: it was dropped.
func (t *Table) publish(s *Said) bool {
	taken := t.cfg.Others.PublishPresence(s)
	if taken {
		t.stats.said.Add(1)
	}
	return taken
}

// waits reports whether others can be heard, or will be.
func (t *Table) waits() bool {
	return t.cfg.Others != nil && (!t.partial.Load() || t.mending.Load())
}

// congested asks without a lock of the table.
func (t *Table) congested() bool { return t.cfg.Congested != nil && t.cfg.Congested() }

// find returns a room; nil where nobody wants to know of it.
func (t *Table) find(id uuid.UUID) *Room {
	if !t.some.Load() {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rooms[id]
}

// open returns a room, made where it is not there, or nil where there are too many. t.mu is held.
func (t *Table) open(id uuid.UUID, now time.Time) (r *Room, made bool) {
	if r = t.rooms[id]; r != nil {
		return r, false
	}
	if len(t.rooms) >= roomsMax {
		return nil, false
	}
	r = &Room{table: t, id: id, made: now, counting: 1, here: make(map[uuid.UUID]int32), leaving: make(map[uuid.UUID]time.Time)}
	t.rooms[id] = r
	t.some.Store(true)
	if until := t.elsewhere[id]; now.Before(until) {
		r.ask(until, true)
	}
	return r, true
}

// census has the members counted into a room that was made.
func (t *Table) census(r *Room) {
	defer r.Counted() // it was made with one expected
	t.cfg.Census(r)
}

// Followed says that somebody on this node follows a room from now on. It returns the room
// where their members are to be counted, and Expect was called for them; otherwise nil.
func (t *Table) Followed(id uuid.UUID) *Room {
	if !t.some.Load() {
		return nil
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rooms[id]
	if r == nil && now.Before(t.elsewhere[id]) {
		r, _ = t.open(id, now)
		return r // it was made with one expected
	}
	if r != nil {
		r.Expect()
	}
	return r
}

// want returns a room whose users are known from now on.
func (t *Table) want(id uuid.UUID) *Room {
	now := time.Now()
	t.mu.Lock()
	r, made := t.open(id, now)
	if r == nil {
		t.mu.Unlock()
		t.stats.full.Add(1)
		return nil
	}
	r.mu.Lock()
	began := r.want(now)
	r.mu.Unlock()
	others := t.cfg.Others
	if began && others != nil {
		t.fresh = append(t.fresh, id)
	}
	t.mu.Unlock()
	if made {
		t.census(r)
	}
	if began && others != nil {
		others.Follow(id)
	}
	return r
}

// Watch tells w who is in a room, all at first and then what changes, until Unwatch. False: too
// many rooms are watched.
func (t *Table) Watch(id uuid.UUID, w Watcher) bool {
	r := t.want(id)
	if r == nil {
		return false
	}
	var wake []Waker
	r.mu.Lock()
	r.tell.watchers = append(r.tell.watchers, w)
	if r.tell.told != nil {
		wake = append(wake, w.TellPresence(r.tell.told))
	} else {
		wake = r.tellDue(time.Now())
	}
	r.mu.Unlock()
	wakeAll(wake)
	return true
}

// Unwatch ends a Watch. What was told before it may still be on its way.
func (t *Table) Unwatch(id uuid.UUID, w Watcher) {
	r := t.find(id)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	is := &r.tell
	for i := range is.watchers {
		if is.watchers[i] == w {
			is.watchers = append(is.watchers[:i:i], is.watchers[i+1:]...)
			break
		}
	}
	if len(is.watchers) == 0 {
		crowded := is.crowded
		r.tell = telling{crowded: crowded}
		r.see.until = time.Now().Add(wantedTime)
	}
}

// Who says how many are in a room, and who of some users. It waits until that is known.
func (t *Table) Who(ctx context.Context, id uuid.UUID, users []uuid.UUID) (online int, here []bool, err error) {
	r := t.want(id)
	if r == nil {
		return 0, nil, ErrFull
	}
	r.mu.Lock()
	settled := r.see.settled
	r.settle(time.Now())
	r.mu.Unlock()
	select {
	case <-settled:
	case <-ctx.Done():
		return 0, nil, context.Cause(ctx)
	}
	here = make([]bool, len(users))
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, user := range users {
		here[i] = r.see.all[user] > 0
	}
	return r.see.online(), here, nil
}

// Online says how many are in a room, where that is known now.
func (t *Table) Online(id uuid.UUID) (n int, known bool) {
	r := t.find(id)
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.see.online(), r.see.ready
}

func wakeAll(all []Waker) {
	for _, w := range all {
		if w != nil {
			w.Wake()
		}
	}
}
