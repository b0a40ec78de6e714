package app_test

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/room/backplane"
)

// movingName is an address behind which servers change, as a name is that a failover
// moves: connections that are there stay.
type movingName struct {
	addr string
	to   atomic.Pointer[string]
}

func newMovingName(t *testing.T, to string) *movingName {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &movingName{addr: ln.Addr().String()}
	m.to.Store(&to)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", *m.to.Load())
			if err != nil {
				_ = client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				running.Go(func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
					_ = way[1].Close()
				})
			}
		}
	})
	t.Cleanup(running.Wait) // after the nodes have ended
	t.Cleanup(func() { _ = ln.Close() })
	return m
}

// saysApart says whether a node is not ready because it is apart.
func (s *server) saysApart() bool {
	a := s.admin("/readyz")
	return a.StatusCode == 503 && strings.Contains(string(a.body), `["redis does not carry notices of other nodes"]`)
}

// measures says whether a node's metrics have those lines.
func (s *server) measures(lines ...string) bool {
	body := string(s.admin("/metrics").body)
	return !slices.ContainsFunc(lines, func(line string) bool { return !strings.Contains(body, "\n"+line+"\n") })
}

// TestNodesOnDifferentRedisServersNotice: each gets its own heartbeats back. The one that was
// there first stays ready. They find one another when the name leads both to the same server.
func TestNodesOnDifferentRedisServersNotice(t *testing.T) {
	besideOthers(t)
	right, wrong := redisserver.Start(t), redisserver.Start(t)
	at := func(s *redisserver.Server) string { return strings.TrimPrefix(s.URL(), "redis://") }
	name := newMovingName(t, at(wrong))
	database := migrated.Postgres(t, pgserver.Shared(t))
	one := start(t, database, "--redis", right.URL())
	two := start(t, database, "--redis", "redis://"+name.addr)
	await.Until(t, "the second one is not ready", two.saysApart)
	await.Until(t, "the first one notices", func() bool { return one.measures("caravan_backplane_unheard_nodes 1") })
	for node, apart := range map[*server]string{one: "0", two: "1"} {
		if !node.measures("caravan_backplane_healthy 0", "caravan_backplane_unheard_nodes 1", "caravan_backplane_apart "+apart) {
			t.Error("the metrics do not tell")
		}
	}
	if a := one.admin("/readyz"); a.StatusCode != 200 {
		t.Errorf("the first one: %s", a.body)
	}
	amina, _ := one.join(0, 0)
	jonas, _ := two.join(2, 0)
	amina.send(`{"type":"chat_message","content":"by the database"}`)
	if f := jonas.read(); f.Type != "chat_message" {
		t.Errorf("got %+v", f)
	}
	to := at(right)
	name.to.Store(&to)
	for _, node := range []*server{one, two} {
		await.Until(t, "it is ready, and hears all", func() bool {
			return node.admin("/readyz").StatusCode == 200 && node.measures("caravan_backplane_healthy 1", "caravan_backplane_unheard_nodes 0", "caravan_backplane_apart 0")
		})
	}
}

// TestAStrayDoesNotStopTheOthers: one node of four has another prefix, and was there first. It is
// not ready, and the others are, whose logs name it. When it goes all is as before.
func TestAStrayDoesNotStopTheOthers(t *testing.T) {
	besideOthers(t)
	redis := redisserver.Start(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	stray := start(t, database, "--redis", redis.URL(), "--redis-prefix", "carvan")
	var nodes []*server
	for range 3 {
		nodes = append(nodes, start(t, database, "--redis", redis.URL()))
	}
	var id string
	await.Until(t, "the stray has a lease", func() bool {
		listed, err := backplane.Nodes(t.Context(), backplane.Config{URL: redis.URL(), Prefix: "carvan"})
		if err == nil && len(listed) == 1 {
			id = listed[0].ID
		}
		return id != ""
	})
	await.Until(t, "the stray is not ready", stray.saysApart)
	if !stray.measures("caravan_backplane_unheard_nodes 3", "caravan_backplane_apart 1", "caravan_ready 0") {
		t.Error("the metrics of the stray do not tell")
	}
	for _, node := range nodes {
		await.Until(t, "the others notice it", func() bool { return node.measures("caravan_backplane_unheard_nodes 1", "caravan_backplane_apart 0") })
		await.Until(t, "their logs name it", func() bool { return strings.Contains(node.log.String(), id) })
		if a := node.admin("/readyz"); a.StatusCode != 200 || !node.measures("caravan_ready 1") {
			t.Errorf("one of the others: %s", a.body)
		}
	}
	amina, _ := nodes[0].join(0, 0)
	jonas, _ := stray.join(2, 0)
	amina.send(`{"type":"chat_message","content":"hear, stray"}`)
	if f := jonas.read(); f.Type != "chat_message" {
		t.Errorf("got %+v", f)
	}
	amina.read()
	jonas.send(`{"type":"chat_message","content":"hear, others"}`)
	if f := amina.read(); f.Type != "chat_message" || f.Message.Content != "hear, others" {
		t.Errorf("got %+v", f)
	}
	stray.shutDown()
	for _, node := range nodes {
		await.Until(t, "the others hear all", func() bool {
			return node.measures("caravan_backplane_healthy 1", "caravan_backplane_unheard_nodes 0", "caravan_ready 1")
		})
		if n := strings.Count(node.log.String(), id); n > 2 {
			t.Errorf("the log names the stray %d times", n)
		}
	}
}

// TestNodesThatCannotBeNotedAreToldOf: without chat_nodes nobody would learn that nodes use
// different servers.
func TestNodesThatCannotBeNotedAreToldOf(t *testing.T) {
	besideOthers(t)
	redis, pg := redisserver.Start(t), pgserver.Shared(t)
	database := pg.Database(t)
	node := start(t, database, "--redis", redis.URL())
	name, _, _ := strings.Cut(database[strings.LastIndex(database, "/")+1:], "?")
	rename := func(from, to string) {
		t.Helper()
		if _, err := pg.Exec(name, "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("chat_nodes", "hidden")
	const line = "this node cannot be noted in chat_nodes"
	await.Until(t, "the log and the metrics tell", func() bool {
		return strings.Contains(node.log.String(), line) && !node.measures(`caravan_backplane_errors_total{operation="note"} 0`)
	})
	await.Until(t, "it fails more than once", func() bool {
		return !node.measures(`caravan_backplane_errors_total{operation="note"} 1`)
	})
	if n := strings.Count(node.log.String(), line); n != 1 {
		t.Errorf("the log tells %d times", n)
	}
	rename("hidden", "chat_nodes")
	await.Until(t, "the log tells that it is over", func() bool {
		return strings.Contains(node.log.String(), "nodes are noted and looked up in chat_nodes again")
	})
}
