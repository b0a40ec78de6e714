package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/room/backplane"
)

// TestStatusListsTheNodesThatLive starts two servers, kills one, and watches its
// lease end.
func TestStatusListsTheNodesThatLive(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	var nodes []*exec.Cmd
	for range 2 {
		cmd := process(t, nil, "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "", "--redis", redis.URL(), "--redis-prefix", "blue")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, cmd)
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	type status struct {
		Nodes []struct {
			ID, Name, Version string
			Started           time.Time
			Ready             bool
			Rooms             *int
			Connections       *int
			Seen              *float64 `json:"seen_seconds_ago"`
			Deployment        string
		}
	}
	list := func() (s status) {
		t.Helper()
		got := caravan(t, []string{"CARAVAN_REDIS=" + redis.URL()}, "status", "--redis-prefix", "blue", "--json")
		if err := json.Unmarshal([]byte(got.stdout), &s); got.status != 0 || err != nil {
			t.Fatalf("status %d, %v\n%s%s", got.status, err, got.stdout, got.stderr)
		}
		return s
	}
	waitFor := func(ready int) (s status) {
		t.Helper()
		await.Until(t, fmt.Sprintf("%d nodes, all ready", ready), func() bool {
			s = list()
			all := len(s.Nodes) == ready
			for _, node := range s.Nodes {
				all = all && node.Ready
			}
			return all
		})
		return s
	}
	for _, n := range waitFor(2).Nodes {
		if !strings.HasSuffix(n.Name, ":0") || n.ID == "" || n.Version == "" || time.Since(n.Started) > time.Minute ||
			n.Rooms == nil || *n.Rooms != 0 || n.Connections == nil || *n.Connections != 0 || n.Seen == nil || *n.Seen < 0 || *n.Seen > 16 || len(n.Deployment) != 12 {
			t.Errorf("%+v", n)
		}
	}
	if err := nodes[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if n := len(list().Nodes); n != 2 {
		t.Errorf("%d nodes at once after one was killed; its lease holds for a while", n)
	}
	waitFor(1)
	if got := caravan(t, nil, "status", "--redis", redis.URL(), "--redis-prefix", "blue"); !strings.Contains(got.stdout, "ready") || !strings.Contains(got.stdout, "1 in all") {
		t.Errorf("the table:\n%s%s", got.stdout, got.stderr)
	}
	if got := caravan(t, nil, "status", "--redis", redis.URL()); got.stdout != "no nodes\n" {
		t.Errorf("another prefix:\n%s%s", got.stdout, got.stderr)
	}
}

func TestStatusWithoutRedis(t *testing.T) {
	t.Parallel()
	if got := caravan(t, nil, "status"); got.status != exitUsage || !strings.Contains(got.stderr, "--redis") {
		t.Errorf("without --redis: %+v", got)
	}
	if got := caravan(t, nil, "status", "--redis", "redis://h", "--redis-prefix", "a b"); got.status != exitUsage || !strings.Contains(got.stderr, "--redis-prefix") {
		t.Errorf("a malformed prefix: %+v", got)
	}
	redis := redisserver.Start(t)
	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := caravan(t, nil, "status", "--redis", redis.URL()); got.status != exitFailed || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("a Redis that is away: %+v", got)
	}
}

func TestTableOfNodes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var out strings.Builder
	err := nodesAsTable(&out, []backplane.Node{
		{ID: "id1", Name: "berlin:8000", Version: "v1", Started: now.Add(-90 * time.Minute), Seen: 1400 * time.Millisecond,
			Load: backplane.Load{Ready: true, Rooms: 312, Connections: 15004}},
		{ID: "id2", Name: "lima:8000", Version: "v1.1", Started: now.Add(-3 * time.Second), Load: backplane.Load{Connections: 1}},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	const want = `NODE          STATE       CONNECTIONS   ROOMS   UP        SEEN     VERSION   ID
berlin:8000   ready       15004         312     1h30m0s   1s ago   v1        id1
lima:8000     not ready   1             0       3s        0s ago   v1.1      id2
2 in all                  15005
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestTableOfSeveralDeployments says which node belongs where.
func TestTableOfSeveralDeployments(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	nodes := []backplane.Node{
		{ID: "0a0b0c0d-0e0f-8000-8000-000000000001", Name: "a", Started: now},
		{ID: "0a0b0c0d-0e0f-8000-8000-000000000002", Name: "b", Started: now},
		{ID: "ffffffff-ffff-8000-8000-000000000003", Name: "staging", Started: now},
		{ID: "11111111-1111-4000-8000-000000000004", Name: "older", Started: now},
	}
	const want = `NODE       STATE       CONNECTIONS   ROOMS   UP   SEEN     VERSION   ID                                     DEPLOYMENT
a          not ready   0             0       0s   0s ago             0a0b0c0d-0e0f-8000-8000-000000000001   0a0b0c0d0e0f
b          not ready   0             0       0s   0s ago             0a0b0c0d-0e0f-8000-8000-000000000002   0a0b0c0d0e0f
staging    not ready   0             0       0s   0s ago             ffffffff-ffff-8000-8000-000000000003   ffffffffffff
older      not ready   0             0       0s   0s ago             11111111-1111-4000-8000-000000000004   not told
4 in all               0
Several deployments share this Redis and prefix. Give each a --redis-prefix of its own.
`
	var out strings.Builder
	if err := nodesAsTable(&out, nodes, now); err != nil || out.String() != want {
		t.Errorf("%v; got\n%swant\n%s", err, out.String(), want)
	}
	out.Reset()
	if err := nodesAsTable(&out, append(nodes[:2:2], nodes[3]), now); err != nil || strings.Contains(out.String(), "DEPLOYMENT") {
		t.Errorf("of one deployment: %v\n%s", err, out.String())
	}
}
