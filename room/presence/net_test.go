package presence

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

var roomR = uuid.UUID{0xaa, 1}

func userOf(i int) uuid.UUID { return uuid.UUID{byte(i >> 16), byte(i >> 8), byte(i), 1} }

// network carries what nodes say to each other, in order, and can be troubled.
type network struct {
	t     *testing.T
	mu    sync.Mutex
	nodes []*testNode
	lost  func(to *testNode, s *Said) bool // nil: none is
	said  map[SaidKind]int
	down  bool               // nothing is carried, and all know it
	full  func(s *Said) bool // what is dropped where it is said; nil: nothing. A nil Said is which rooms are watched
	slow  time.Duration      // from Follow until it is heard
}

// testNode is a node with one loop.
type testNode struct {
	net     *network
	id      uuid.UUID
	table   *Table
	mail    chan func(*Table)
	dead    bool // it is heard no more
	cut     bool // it neither hears nor is heard, and knows it
	stop    context.CancelFunc
	follows map[uuid.UUID]bool // on the backplane

	loop    sync.Mutex // guards what follows; taken before that of the network
	members map[uuid.UUID]map[uuid.UUID]int
	counted map[uuid.UUID]*Room
}

// run runs a test with nodes, in a bubble of its own time.
func run(t *testing.T, nodes int, cfg Config, test func(t *testing.T, n *network)) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, said: make(map[SaidKind]int)}
		for range nodes {
			net.begin(cfg, nodes > 1)
		}
		time.Sleep(10 * time.Second) // they know that they hear one another
		test(t, net)
		for _, n := range net.nodes {
			n.stop()
		}
	})
}

func (net *network) begin(cfg Config, others bool) *testNode {
	n := &testNode{net: net, id: uuid.New(), mail: make(chan func(*Table), 10_000), follows: make(map[uuid.UUID]bool),
		members: make(map[uuid.UUID]map[uuid.UUID]int), counted: make(map[uuid.UUID]*Room)}
	ctx, stop := context.WithCancel(net.t.Context())
	n.stop = stop
	if cfg.Follows, cfg.Census = n.hasMembers, n.census; others {
		cfg.Others = n
	}
	cfg.Contain = func(_ string, do func()) error { do(); return nil }
	n.table = New(cfg)
	net.mu.Lock()
	net.nodes = append(net.nodes, n)
	net.mu.Unlock()
	go n.table.Run(ctx)
	go func() {
		for {
			select {
			case f := <-n.mail:
				f(n.table)
			case <-ctx.Done():
				return
			}
		}
	}()
	for _, other := range net.nodes {
		if other != n {
			other.table.Met()
		}
	}
	return n
}

func (n *testNode) hasMembers(room uuid.UUID) bool {
	n.loop.Lock()
	defer n.loop.Unlock()
	return len(n.members[room]) > 0
}

func (n *testNode) census(r *Room) {
	r.Expect()
	n.mail <- func(*Table) { n.count(r) }
}

func (n *testNode) count(r *Room) {
	n.loop.Lock()
	defer n.loop.Unlock()
	if n.counted[r.ID()] != r {
		n.counted[r.ID()] = r
		for user, times := range n.members[r.ID()] {
			for range times {
				r.Arrive(user)
			}
		}
	}
	r.Counted()
}

// arrive has connections of users come into the room; depart has them go.
func (n *testNode) arrive(users ...int) {
	for _, u := range users {
		n.loop.Lock()
		first := len(n.members[roomR]) == 0
		if first {
			n.members[roomR] = make(map[uuid.UUID]int)
		}
		n.members[roomR][userOf(u)]++
		if r := n.counted[roomR]; r != nil && !r.Arrive(userOf(u)) {
			delete(n.counted, roomR)
		}
		n.loop.Unlock()
		if first {
			n.Follow(roomR)
			if r := n.table.Followed(roomR); r != nil {
				n.count(r)
			}
		}
	}
}

func (n *testNode) depart(users ...int) {
	n.loop.Lock()
	defer n.loop.Unlock()
	for _, u := range users {
		if n.members[roomR][userOf(u)]--; n.members[roomR][userOf(u)] == 0 {
			delete(n.members[roomR], userOf(u))
		}
		if r := n.counted[roomR]; r != nil {
			r.Depart(userOf(u))
		}
	}
}

// Follow and the like implement Others.
func (n *testNode) Follow(room uuid.UUID) {
	follow := func() {
		n.net.mu.Lock()
		defer n.net.mu.Unlock()
		n.follows[room] = true
		n.mail <- func(t *Table) { t.Missed(room) }
	}
	n.net.mu.Lock()
	slow := n.net.slow
	n.net.mu.Unlock()
	if slow == 0 {
		follow()
		return
	}
	time.AfterFunc(slow, follow)
}

func (n *testNode) Unfollow(room uuid.UUID) {
	has := n.hasMembers(room)
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.follows[room] = has
}

func (n *testNode) PublishPresence(s *Said) bool {
	said := *s
	said.Node = n.id
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if n.net.full != nil && n.net.full(&said) {
		return false
	}
	n.net.said[s.Kind]++
	n.net.toAll(n, func(to *testNode) bool {
		return to.follows[s.Room] && (n.net.lost == nil || !n.net.lost(to, &said))
	}, func(t *Table) { t.Hear(&said) })
	return true
}

func (n *testNode) PublishWatched(rooms []uuid.UUID) bool {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if n.net.full != nil && n.net.full(nil) {
		return false
	}
	n.net.toAll(n, func(*testNode) bool { return true }, func(t *Table) { t.Watched(rooms) })
	return true
}

func (net *network) toAll(from *testNode, wants func(*testNode) bool, f func(*Table)) {
	for _, to := range net.nodes {
		if to != from && !net.down && !from.dead && !to.dead && !from.cut && !to.cut && wants(to) {
			to.mail <- f
		}
	}
}

func (n *testNode) Lives(node, _ uuid.UUID) bool {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return !n.net.down && !n.cut && slices.ContainsFunc(n.net.nodes, func(x *testNode) bool { return x.id == node && !x.dead && !x.cut })
}

func (n *testNode) Healthy() bool {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return !n.net.down && !n.cut
}

func (net *network) set(f func()) {
	net.mu.Lock()
	defer net.mu.Unlock()
	f()
}

// watcher is a client that knows who is in the room by what it is told.
type watcher struct {
	t  *testing.T
	mu sync.Mutex
	knowledge
}

// knowledge is what it knows.
type knowledge struct {
	number  int64
	known   map[uuid.UUID]bool // nil: how many alone
	online  int
	partial bool
	frames  int
	flips   int // from names to numbers, and back
	at      time.Time
	least   time.Duration // between two frames
}

func (n *testNode) watch() *watcher {
	w := &watcher{t: n.net.t, knowledge: knowledge{least: time.Hour}}
	n.table.Watch(roomR, w)
	return w
}

func (w *watcher) TellPresence(told *Told) Waker {
	w.mu.Lock()
	defer w.mu.Unlock()
	frame := told.Change
	if w.number == 0 || told.Prev != w.number {
		frame = told.Whole
	}
	if told.Number <= w.number {
		w.t.Errorf("number %d after %d", told.Number, w.number)
	}
	var f struct {
		Online              int
		Full, Partial       bool
		Users, Joined, Left []uuid.UUID
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		w.t.Errorf("%s: %v", frame, err)
	}
	if w.number > 0 {
		w.least = min(w.least, time.Since(w.at))
	}
	w.number, w.at = told.Number, time.Now()
	w.frames++
	w.online, w.partial = f.Online, f.Partial
	named := f.Full || len(f.Joined)+len(f.Left) > 0
	if w.frames > 1 && named != (w.known != nil) {
		w.flips++
	}
	switch {
	case f.Full:
		w.known = make(map[uuid.UUID]bool)
	case !named:
		w.known = nil
		return nil
	}
	for _, u := range slices.Concat(f.Users, f.Joined) {
		if w.known[u] {
			w.t.Errorf("%s is there twice: %s", u, frame)
		}
		w.known[u] = true
	}
	for _, u := range f.Left {
		if !w.known[u] {
			w.t.Errorf("%s was not there: %s", u, frame)
		}
		delete(w.known, u)
	}
	if len(w.known) != f.Online {
		w.t.Errorf("%d are known after %s", len(w.known), frame)
	}
	return nil
}

// sees checks who is there for the watcher. partial: of its own node alone.
func (w *watcher) sees(partial bool, users ...int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	want := make(map[uuid.UUID]bool)
	for _, u := range users {
		want[userOf(u)] = true
	}
	if !maps.Equal(w.known, want) || w.partial != partial {
		w.t.Fatalf("%d there, partial %t; want %v, %t: %v", len(w.known), w.partial, users, partial, w.known)
	}
}

// now returns what it knows now.
func (w *watcher) now() knowledge {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.knowledge
	k.known = maps.Clone(k.known)
	return k
}

// spoken returns how much was said between nodes, and begins anew.
func (net *network) spoken() map[SaidKind]int {
	net.mu.Lock()
	defer net.mu.Unlock()
	said := net.said
	net.said = make(map[SaidKind]int)
	return said
}
