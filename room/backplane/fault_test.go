package backplane_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// talk is a conversation over two nodes that goes on while things break: in one
// room users on both nodes write, in another one on the first node only, so that
// the second node has nothing of its own to notice a hole by.
type talk struct {
	t       *testing.T
	nodes   [2]*node
	members [2][2]*member // of both rooms, on each node
	stop    context.CancelFunc
	writers sync.WaitGroup

	mu   sync.Mutex
	sent []said
	late time.Duration // by how much a pause of this process was too long, at worst
}

// said is a message that was acknowledged.
type said struct {
	node, room int
	seq        int64
	at         time.Time
}

func startTalk(t *testing.T, url string, length int) *talk {
	t.Helper()
	c := newCaravan(t)
	ctx, stop := context.WithCancel(t.Context())
	k := &talk{t: t, nodes: [2]*node{c.node(url), c.node(url)}, stop: stop}
	for i, n := range k.nodes {
		for r := range k.members {
			k.members[r][i] = n.join(t, c.rooms[r].ID, fmt.Sprintf("the member of room %d on node %d", r, i))
		}
	}
	k.writers.Go(func() { // who only waits, as slow as the machine is
		const pause = 20 * time.Millisecond
		for ctx.Err() == nil {
			begun := time.Now()
			time.Sleep(pause)
			k.mu.Lock()
			k.late = max(k.late, time.Since(begun)-pause)
			k.mu.Unlock()
		}
	})
	for _, w := range []struct{ node, user int }{{0, 0}, {1, 3}, {0, 1}} {
		k.writers.Go(func() {
			for ctx.Err() == nil {
				m := k.nodes[w.node].send(w.user, strings.Repeat("x", length))
				if m == nil {
					return
				}
				k.mu.Lock()
				k.sent = append(k.sent, said{w.node, w.user % trips, m.Seq, time.Now()})
				k.mu.Unlock()
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	t.Cleanup(k.writers.Wait)
	t.Cleanup(stop)
	return k
}

// end stops the writers and demands that everybody heard everything once and in
// order (each member does), the member on the writer's own node at once, the
// other one within ten seconds.
func (k *talk) end() {
	k.t.Helper()
	k.stop()
	k.writers.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	var worst [2]time.Duration // on the writer's node, on the other one
	for _, s := range k.sent {
		for i, m := range k.members[s.room] {
			m.hears(s.seq, 10*time.Second)
			at := m.heard(s.seq)
			if at.IsZero() {
				k.t.Fatalf("%s never heard %d", m.name, s.seq)
			}
			far := i ^ s.node
			worst[far] = max(worst[far], at.Sub(s.at))
		}
	}
	for _, members := range k.members {
		same(k.t, members[:]...)
	}
	k.t.Logf("%d messages; heard at the latest after %v on their own node, after %v on the other one; this process was late by up to %v", len(k.sent), worst[0], worst[1], k.late)
	const steps = 5 // from the commit to the member, each of which may be late
	if worst[0] > 3*time.Second+steps*k.late {
		k.t.Errorf("a member heard what was said on the same node only after %v", worst[0])
	}
	if worst[1] > 10*time.Second+steps*k.late {
		k.t.Errorf("a member heard what was said on the other node only after %v", worst[1])
	}
}

// recovers demands that notices flow again without help, and faster than the
// database is looked at.
func (k *talk) recovers() {
	k.t.Helper()
	healthy(k.t, k.nodes[:]...)
	await.Until(k.t, "notices arrive in time", func() bool {
		before := k.repairs()
		m := k.nodes[0].send(0, "are you there?")
		begun := time.Now()
		k.members[0][1].hears(m.Seq, 10*time.Second)
		return time.Since(begun) < 500*time.Millisecond && k.repairs() == before
	})
}

func (k *talk) repairs() int64 {
	return k.nodes[0].Stats().Repairs + k.nodes[1].Stats().Repairs
}

func (k *talk) reconnects() int64 {
	return k.nodes[0].bp.Stats().Reconnects + k.nodes[1].bp.Stats().Reconnects
}

// unhealthy demands that the nodes notice that notices do not arrive.
func (k *talk) unhealthy() {
	k.t.Helper()
	for _, n := range k.nodes {
		await.Until(k.t, "a node knows that it is cut off", func() bool { return !n.bp.Healthy() })
	}
}

const outage = 2 * time.Second

func TestNothingIsLostOrRepeatedWhateverHappensToRedis(t *testing.T) {
	for name, c := range map[string]struct {
		length int // of a message
		fault  func(t *testing.T, r *redisserver.Server, k *talk)
	}{
		"killed and started again": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			must(t, r.Kill())
			k.unhealthy()
			time.Sleep(outage)
			must(t, r.Start())
		}},
		"restarted quickly": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			for range 3 {
				must(t, r.Restart())
				time.Sleep(outage / 4)
			}
		}},
		"frozen and thawed": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			must(t, r.Pause())
			k.unhealthy()
			time.Sleep(outage)
			must(t, r.Resume())
		}},
		"flushed": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			for range 3 {
				command(t, r, "FLUSHALL")
				time.Sleep(outage / 4)
			}
		}},
		"drops its subscribers": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			for range 5 {
				command(t, r, "CLIENT", "KILL", "TYPE", "pubsub")
				time.Sleep(outage / 4)
			}
			if k.reconnects() == 0 {
				t.Error("no subscription broke, so this proves nothing")
			}
		}},
		"drops all its clients": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			for range 5 {
				command(t, r, "CLIENT", "KILL", "SKIPME", "yes")
				time.Sleep(outage / 4)
			}
		}},
		// Each notice is longer than what may wait for a subscriber.
		"at its output buffer limit": {9_000, func(t *testing.T, r *redisserver.Server, k *talk) {
			command(t, r, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 8kb 0 0")
			await.Until(t, "a subscriber is dropped", func() bool { return k.reconnects() > 0 })
			time.Sleep(outage)
			command(t, r, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
		}},
		// PING is answered, and nothing published is carried: only the heartbeat knows.
		"takes notices and does not carry them": {100, func(t *testing.T, r *redisserver.Server, k *talk) {
			command(t, r, "CLIENT", "PAUSE", "60000", "WRITE")
			k.unhealthy()
			time.Sleep(outage)
			command(t, r, "CLIENT", "UNPAUSE")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redisserver.Start(t)
			k := startTalk(t, r.URL(), c.length)
			healthy(t, k.nodes[:]...)
			time.Sleep(outage / 10)
			c.fault(t, r, k)
			time.Sleep(outage / 10)
			k.end()
			k.recovers()
		})
	}
}

func TestRedisThatIsNotThereAtTheStart(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	must(t, r.Kill())
	k := startTalk(t, r.URL(), 100)
	time.Sleep(outage)
	if k.nodes[0].bp.Healthy() {
		t.Error("healthy without a Redis")
	}
	if s := k.nodes[0].bp.Stats(); s.ConnectErrors == 0 || s.Dropped == 0 {
		t.Errorf("%+v; want failed attempts and notices left out", s)
	}
	must(t, r.Start())
	healthy(t, k.nodes[:]...)
	time.Sleep(outage / 10)
	k.end()
	k.recovers()
}
