package backplane_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/backplane"
)

// onEachRedis runs a test on a single Redis and on a cluster of three masters.
func onEachRedis(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		test(t, redisserver.Start(t).URL())
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		test(t, redisserver.StartCluster(t, 3).URL())
	})
}

// TestAllNodesTellOneOrder lets three nodes write to the same rooms at once, edits
// included, and listens on all of them.
func TestAllNodesTellOneOrder(t *testing.T) {
	onEachRedis(t, func(t *testing.T, url string) {
		c := newCaravan(t)
		tellsOneOrder(t, c, []*node{c.node(url), c.node(url), c.node(url)})
	})
	// Here the lanes of the nodes compete for the rooms' rows.
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url, database := redisserver.Start(t).URL(), migrated.Postgres(t, pgserver.Shared(t))
		open := func() store {
			s, err := postgres.Open(t.Context(), postgres.Config{URL: database, Log: slog.New(slog.DiscardHandler)})
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			must(t, s.Migrate(t.Context()))
			return s
		}
		c := newCaravanOn(t, open())
		var nodes []*node
		for range 3 {
			nodes = append(nodes, c.nodeOn(open(), backplane.Config{URL: url}))
		}
		tellsOneOrder(t, c, nodes)
	})
}

func tellsOneOrder(t *testing.T, c *caravan, nodes []*node) {
	var members [trips][]*member
	for i, n := range nodes {
		for r := range trips {
			members[r] = append(members[r], n.join(t, c.rooms[r].ID, fmt.Sprintf("room %d on node %d", r, i)))
		}
	}
	healthy(t, nodes...)
	const each = 20
	var writers sync.WaitGroup
	for i, n := range nodes {
		for user := range users {
			writers.Go(func() {
				for k := range each {
					m := n.send(user, fmt.Sprintf("%d of user %d on node %d", k, user, i))
					if k%4 == 0 && m != nil {
						nodes[(i+1)%len(nodes)].edit(user, m, m.Content+", corrected elsewhere")
					}
				}
			})
		}
	}
	writers.Wait()
	heads, err := c.store.Heads(t.Context(), []uuid.UUID{c.rooms[0].ID, c.rooms[1].ID, c.rooms[2].ID})
	must(t, err)
	for r := range members {
		for _, m := range members[r] {
			m.hears(heads[r].Seq, 10*time.Second)
		}
		same(t, members[r]...)
		want := each * len(nodes) * users / trips
		if got := len(members[r][0].contents); got != want {
			t.Errorf("room %d has %d messages, want %d", r, got, want)
		}
	}
	var repairs int64
	for _, n := range nodes {
		repairs += n.Stats().Repairs
	}
	t.Logf("%d events, %d times a room was read again", len(members[0][0].contents)*trips, repairs)
}

func TestTypingReachesOtherNodesOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, url string) {
		c := newCaravan(t)
		a, b := c.node(url), c.node(url)
		here, there := a.join(t, c.rooms[0].ID, "here"), b.join(t, c.rooms[0].ID, "there")
		healthy(t, a, b)
		there.hears(a.send(0, "so that the room is subscribed").Seq, 10*time.Second)
		await.Until(t, "typing is told", func() bool {
			a.Notify(c.rooms[0].ID, &c.users[0], &protocol.Intent{Kind: protocol.KindTyping, On: true})
			time.Sleep(50 * time.Millisecond)
			there.mu.Lock()
			defer there.mu.Unlock()
			return len(there.typings) > 0
		})
		time.Sleep(100 * time.Millisecond)
		here.mu.Lock()
		there.mu.Lock()
		defer here.mu.Unlock()
		defer there.mu.Unlock()
		if len(here.typings) < len(there.typings) {
			t.Errorf("told %d times here, %d times there", len(here.typings), len(there.typings))
		}
		if got, want := string(there.typings[0]), string(here.typings[0]); got != want || !strings.Contains(got, c.users[0].Email) {
			t.Errorf("the other node tells %s, this one %s", got, want)
		}
	})
}
