package app_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
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

// TestNodesOnDifferentRedisServersNotice: each gets its own heartbeats back. They find one
// another when the name leads both to the same server.
func TestNodesOnDifferentRedisServersNotice(t *testing.T) {
	right, wrong := redisserver.Start(t), redisserver.Start(t)
	at := func(s *redisserver.Server) string { return strings.TrimPrefix(s.URL(), "redis://") }
	name := newMovingName(t, at(wrong))
	database := pgserver.Shared(t).Database(t)
	one := start(t, database, "--redis", right.URL())
	two := start(t, database, "--redis", "redis://"+name.addr)
	for _, node := range []*server{one, two} {
		await.Until(t, "it is not ready", func() bool {
			a := node.admin("/readyz")
			return a.StatusCode == 503 && strings.Contains(string(a.body), `["redis does not carry notices of other nodes"]`)
		})
		body := string(node.admin("/metrics").body)
		if !strings.Contains(body, "caravan_backplane_healthy 0\n") || !strings.Contains(body, "caravan_backplane_unheard_nodes 1\n") {
			t.Error("the metrics do not tell")
		}
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
		await.Until(t, "it is ready", func() bool { return node.admin("/readyz").StatusCode == 200 })
	}
}
