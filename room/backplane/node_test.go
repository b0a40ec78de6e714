package backplane_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
)

const (
	users = 6
	trips = 3
)

// testSecret is that of all nodes.
var testSecret = []byte("a deployment's secret of the tests")

// caravan is a fleet of users and rooms in one database, for several nodes.
type caravan struct {
	t        testing.TB
	store    store
	verifier *token.Verifier
	users    []protocol.User
	rooms    []room.Info // of trips 0, 1, 2; user i belongs to i mod 3
}

// store is either kind.
type store interface {
	room.Store
	persist.Seeder
	Secret(ctx context.Context, name string) ([]byte, error)
}

// newCaravan makes one on SQLite, which is cheap.
func newCaravan(t testing.TB) *caravan {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return newCaravanOn(t, s)
}

// newCaravanOn makes one in an empty database.
func newCaravanOn(t testing.TB, store store) *caravan {
	t.Helper()
	if err := store.Seed(t.Context(), persist.Fleet(users, trips)); err != nil {
		t.Fatal(err)
	}
	verifier, err := token.New(t.Context(), token.Config{Secret: []byte("a secret of the tests, 32 bytes!!")})
	if err != nil {
		t.Fatal(err)
	}
	c := &caravan{t: t, store: store, verifier: verifier}
	var questions []room.AccessQuestion
	for i := range users {
		questions = append(questions, room.AccessQuestion{User: persist.FleetUser(i), Place: persist.FleetTrip(i % trips)})
	}
	answers, err := store.Access(t.Context(), questions)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		c.users = append(c.users, a.User)
		if i < trips {
			c.rooms = append(c.rooms, a.Room)
		}
	}
	return c
}

// node is one of the services that share the database and a Redis.
type node struct {
	*room.Service
	caravan *caravan
	bp      *backplane.Backplane
}

func (c *caravan) node(url string) *node {
	c.t.Helper()
	return c.nodeWith(backplane.Config{URL: url, Name: "node"})
}

func (c *caravan) nodeWith(cfg backplane.Config) *node {
	c.t.Helper()
	return c.nodeOn(c.store, cfg)
}

// nodeOn makes a node with a store of its own on the same database.
func (c *caravan) nodeOn(store store, cfg backplane.Config) *node {
	c.t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(c.t.Output(), nil))
	}
	if cfg.Secret == nil {
		cfg.Secret = testSecret
	}
	bp, err := backplane.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	s := room.New(store, c.verifier, bp, room.Config{Lanes: 2, Log: cfg.Log})
	bp.Start(s)
	c.t.Cleanup(func() {
		if err := s.Drain(c.t.Context()); err != nil && c.t.Context().Err() == nil {
			c.t.Error(err)
		}
		s.Close()
		bp.Close()
	})
	return &node{s, c, bp}
}

// healthy waits until the nodes hear one another.
func healthy(t testing.TB, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		await.Until(t, "a node is healthy", n.bp.Healthy)
	}
}

// send stores a message of a user in their room.
func (n *node) send(user int, content string) *protocol.Message {
	n.caravan.t.Helper()
	return n.do(&room.Op{
		May:    protocol.MayAll,
		Intent: protocol.Intent{Kind: protocol.KindMessage, Content: content, Type: protocol.TypeText},
		Room:   n.caravan.rooms[user%trips].ID, Trip: n.caravan.rooms[user%trips].TripID, Sender: n.caravan.users[user],
	})
}

// edit changes a message of the user.
func (n *node) edit(user int, m *protocol.Message, content string) *protocol.Message {
	n.caravan.t.Helper()
	return n.do(&room.Op{May: protocol.MayAll, Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: m.ID, Content: content}, Room: m.RoomID, Trip: n.caravan.rooms[user%trips].TripID, Sender: n.caravan.users[user]})
}

func (n *node) do(op *room.Op) *protocol.Message {
	n.caravan.t.Helper()
	if err := n.Do(n.caravan.t.Context(), op); err != nil {
		n.caravan.t.Error(err)
		return nil
	}
	if op.Outcome != room.Stored {
		n.caravan.t.Errorf("%q: outcome %d, %v", op.Content, op.Outcome, op.Err)
		return nil
	}
	return op.Message
}

// member is a listener that demands that every event comes once, in order and
// without a hole, and remembers what it heard.
type member struct {
	t    testing.TB
	name string

	mu       sync.Mutex
	last     int64
	events   int
	contents map[uuid.UUID][]byte
	heardAt  map[int64]time.Time
	typings  [][]byte
	changed  chan struct{}
}

// join makes a member of a room on a node, from the room's beginning on.
func (n *node) join(t testing.TB, room uuid.UUID, name string) *member {
	t.Helper()
	m := &member{t: t, name: name, contents: make(map[uuid.UUID][]byte), heardAt: make(map[int64]time.Time), changed: make(chan struct{}, 1)}
	n.Follow(room, 0, m)
	t.Cleanup(func() { n.Unfollow(room, m) })
	return m
}

// Deliver implements room.Listener.
func (m *member) Deliver(b *room.Batch) room.Waker {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, e := range b.Events {
		if e.Prev != m.last {
			m.t.Errorf("%s: event %d says that it comes after %d, but %d was told last", m.name, e.Seq, e.Prev, m.last)
		}
		if !bytes.Contains(e.Frame, fmt.Appendf(nil, `"seq":%d`, e.Seq)) || !bytes.Contains(e.Frame, e.Body) {
			m.t.Errorf("%s: event %d has the frame %s", m.name, e.Seq, e.Frame)
		}
		m.last = e.Seq
		m.events++
		m.contents[e.Message] = e.Body
		m.heardAt[e.Seq] = now
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// Rewound implements room.Listener.
func (m *member) Rewound() room.Waker {
	m.t.Errorf("%s: the store is said to have gone back", m.name)
	return nil
}

// Notify implements room.Listener.
func (m *member) Notify(n *room.Notice) room.Waker {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.typings = append(m.typings, n.Frame)
	return nil
}

func (m *member) at() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// heard returns when the event came; zero if it did not.
func (m *member) heard(seq int64) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heardAt[seq]
}

// hears waits until the member has heard the event.
func (m *member) hears(seq int64, within time.Duration) {
	m.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for m.at() < seq {
		select {
		case <-m.changed:
		case <-deadline.C:
			m.t.Fatalf("%s heard up to %d of %d within %v", m.name, m.at(), seq, within)
		}
	}
}

// same demands that members know every message in the same, present state.
func same(t testing.TB, members ...*member) {
	t.Helper()
	first := members[0]
	for _, m := range members[1:] {
		if m.at() != first.at() || len(m.contents) != len(first.contents) {
			t.Errorf("%s is at %d with %d messages, %s at %d with %d", m.name, m.at(), len(m.contents), first.name, first.at(), len(first.contents))
		}
		for id, body := range first.contents {
			if !bytes.Equal(m.contents[id], body) {
				t.Errorf("%s has %s, %s has %s", m.name, m.contents[id], first.name, body)
			}
		}
	}
}
