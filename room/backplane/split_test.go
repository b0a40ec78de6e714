package backplane_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/link"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
)

// guest is a listener that may be sent away, and remembers what it heard until then.
type guest struct {
	mu       sync.Mutex
	contents []string
	sentAway bool
}

func (g *guest) Deliver(b *room.Batch) room.Waker {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range b.Events {
		_, rest, _ := strings.Cut(string(e.Body), `"content":"`)
		content, _, _ := strings.Cut(rest, `"`)
		g.contents = append(g.contents, content)
	}
	return nil
}

func (g *guest) Rewound() room.Waker {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sentAway = true
	return nil
}

func (g *guest) Notify(*room.Notice) room.Waker { return nil }

func (g *guest) heard() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.contents, ",")
}

func (g *guest) isSentAway() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sentAway
}

// invite makes a guest of a room, from its beginning on.
func (n *node) invite(t *testing.T, id uuid.UUID) *guest {
	g := &guest{}
	n.Follow(id, 0, g)
	n.CatchUp(id)
	t.Cleanup(func() { n.Unfollow(id, g) })
	return g
}

// TestAStandbyIsPromotedWhileThePrimaryLives, and lacks what was told last. A node that
// reaches the former primary alone stops to write there as soon as another node finds
// the new one. Whoever was told what is lost is sent away, and all hear the same.
func TestAStandbyIsPromotedWhileThePrimaryLives(t *testing.T) {
	t.Parallel()
	old, redis := pgserver.Start(t), redisserver.Start(t).URL()
	name := strings.TrimPrefix(old.Database(t)[strings.LastIndex(old.Database(t), "/"):], "/")
	name, _, _ = strings.Cut(name, "?")
	toOld, err := link.New(net.JoinHostPort("127.0.0.1", strconv.Itoa(old.Port())))
	must(t, err)
	t.Cleanup(func() { must(t, toOld.Close()) })
	next, err := pgserver.NewStandby(toOld.Addr())
	must(t, err)
	next.EndWith(t)
	open := func(ports ...int) *postgres.Store {
		t.Helper()
		hosts := make([]string, len(ports))
		for i, port := range ports {
			hosts[i] = fmt.Sprintf("127.0.0.1:%d", port)
		}
		s, err := postgres.Open(t.Context(), postgres.Config{
			URL: fmt.Sprintf("postgres://caravan@%s/%s?sslmode=disable", strings.Join(hosts, ","), name), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		must(t, s.Migrate(t.Context()))
		return s
	}
	cutOff, moving := open(old.Port()), open(old.Port(), next.Port())
	c := newCaravanOn(t, cutOff)
	deployment, err := cutOff.Deployment(t.Context())
	must(t, err)
	must(t, next.AwaitStandby(t.Context(), old))
	join := func(s *postgres.Store) *node {
		return c.nodeOn(s, backplane.Config{URL: redis, Deployment: deployment, Primary: s})
	}
	a, b := join(cutOff), join(moving)
	healthy(t, a, b)
	id := c.rooms[0].ID
	onA, onB := a.invite(t, id), b.invite(t, id)
	a.send(0, "kept")
	must(t, next.AwaitStandby(t.Context(), old))
	toOld.Impose(link.Trouble{Refuse: true})
	a.send(0, "lost")
	await.Until(t, "both nodes tell it", func() bool { return onA.heard() == "kept,lost" && onB.heard() == "kept,lost" })
	must(t, next.Promote())

	await.Until(t, "the node that reaches the new primary sends its members away", onB.isSentAway)
	await.Until(t, "the other one hears of it", func() bool { return errors.Is(cutOff.Ping(t.Context()), room.ErrSuperseded) })
	op := &room.Op{
		May:    protocol.MayAll,
		Intent: protocol.Intent{Kind: protocol.KindMessage, Content: "refused", Type: protocol.TypeText},
		Room:   id, Trip: c.rooms[0].TripID, Sender: c.users[0],
	}
	if err := a.Do(t.Context(), op); err != nil || op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable {
		t.Errorf("on the former primary: outcome %d, %v, %v", op.Outcome, op.Err, err)
	}
	again := b.invite(t, id)
	if m := b.send(0, "new"); m.Seq != 2 {
		t.Errorf("the new primary numbers it %d", m.Seq)
	}
	await.Until(t, "it is told", func() bool { return again.heard() == "kept,new" || again.heard() == "new" })
	if past, _ := a.Recent(protocol.RoomInfo{Room: id, Trip: c.rooms[0].TripID}, 1<<20); past != nil {
		t.Error("a history comes from memory that the new primary may lack")
	}

	third := join(open(old.Port(), next.Port()))
	healthy(t, third)
	late := third.invite(t, id)
	third.send(0, "newer")
	await.Until(t, "all hear it", func() bool {
		return strings.HasSuffix(late.heard(), "newer") && strings.HasSuffix(again.heard(), "new,newer")
	})
	if got := onA.heard(); got != "kept,lost" {
		t.Errorf("on the former primary was told %s", got)
	}
	rows, err := old.Exec(name, "SELECT count(*) FROM chat_messages")
	if must(t, err); strings.TrimSpace(rows) != "2" {
		t.Errorf("the former primary has %s messages", rows)
	}
	if s := b.Stats(); s.Rewinds != 1 {
		t.Errorf("%d rewinds", s.Rewinds)
	}
}
