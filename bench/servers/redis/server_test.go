package redisserver_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

func do(t *testing.T, s *redisserver.Server, command ...string) string {
	t.Helper()
	answer, err := s.Do(command...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestServerForgetsAndComesBackAtItsAddress(t *testing.T) {
	s := redisserver.Start(t)
	ends := map[string]func() error{"stop": s.Stop, "kill": s.Kill}
	for how, end := range ends {
		do(t, s, "SET", "key", "value")
		if got := do(t, s, "GET", "key"); got != "value" {
			t.Errorf("GET: %q", got)
		}
		if err := end(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if answer, err := s.Do("PING"); err == nil {
			t.Errorf("%s: an ended server answers %q", how, answer)
		}
		if err := s.Start(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if got := do(t, s, "GET", "key"); got != "" {
			t.Errorf("%s: it remembers %q", how, got)
		}
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	do(t, s, "PING")
}

func TestPausedServerIsSilentUntilResumed(t *testing.T) {
	s := redisserver.Start(t)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if answer, err := s.Do("PING"); err == nil {
		t.Errorf("a paused server answers %q", answer)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	do(t, s, "PING")
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Errorf("killing a paused server: %v", err)
	}
}

func TestClusterIsWholeAgainAfterAKill(t *testing.T) {
	c := redisserver.StartCluster(t, 3)
	if got := strings.Count(c.URL(), ","); got != 2 {
		t.Errorf("URL is %s", c.URL())
	}
	slot, err := strconv.Atoi(do(t, c.Nodes[0], "CLUSTER", "KEYSLOT", "key"))
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for i, node := range c.Nodes {
		_, err := node.Do("SET", "key", "value")
		if err == nil {
			served++
		} else if !strings.Contains(err.Error(), "MOVED "+strconv.Itoa(slot)) {
			t.Errorf("node %d: %v", i, err)
		}
	}
	if served != 1 {
		t.Errorf("%d nodes serve one key", served)
	}

	if err := c.Nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the killed master is missed", func() bool {
		return strings.Contains(do(t, c.Nodes[0], "CLUSTER", "INFO"), "cluster_state:fail")
	})
	if err := c.Nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitWhole(await.Limit); err != nil {
		t.Error(err)
	}
}

func TestAReplicaTakesOverAndSlotsMove(t *testing.T) {
	c := redisserver.StartCluster(t, 3)
	if err := c.AddReplicas(); err != nil {
		t.Fatal(err)
	}
	if m, r := len(c.Masters()), len(c.Replicas()); m != 3 || r != 3 {
		t.Fatalf("%d masters, %d replicas", m, r)
	}
	old := c.Nodes[0]
	if err := old.Kill(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "its replica takes over", func() bool { return len(c.Masters()) == 3 })
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReplicas(); err != nil {
		t.Fatal(err)
	}
	if err := c.TakeOver(old); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the other one follows it", func() bool { return len(c.Replicas()) == 3 })
	const few = 100
	var key string
	slot := few
	for i := 0; slot >= few; i++ {
		key = "key" + strconv.Itoa(i)
		var err error
		if slot, err = strconv.Atoi(do(t, old, "CLUSTER", "KEYSLOT", key)); err != nil {
			t.Fatal(err)
		}
	}
	do(t, old, "SET", key, "value")
	if err := c.Move(slot+1, old, c.Nodes[1]); err != nil { // from its first slot on
		t.Fatal(err)
	}
	if err := c.WaitReplicas(); err != nil {
		t.Fatal(err)
	}
	if got := do(t, c.Nodes[1], "GET", key); got != "value" {
		t.Errorf("what was moved is %q", got)
	}
}
