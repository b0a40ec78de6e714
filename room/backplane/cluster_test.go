package backplane_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// TestClusterLosesAMaster kills one of three masters: what lies on the others
// goes on, and the node says that it is cut off until the master is back.
func TestClusterLosesAMaster(t *testing.T) {
	t.Parallel()
	c := redisserver.StartCluster(t, 3)
	k := startTalk(t, c.URL(), 100)
	healthy(t, k.nodes[:]...)
	must(t, c.Nodes[1].Kill())
	k.unhealthy()
	time.Sleep(outage)
	must(t, c.Nodes[1].Start())
	must(t, c.WaitWhole(20*time.Second))
	k.end()
	k.recovers()
}

// TestClusterFailsOver kills a master for good and lets its replica take its
// place.
func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	c := redisserver.StartCluster(t, 3)
	replica := redisWith(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000")
	host, port, _ := strings.Cut(c.Nodes[0].Addr(), ":")
	command(t, replica, "CLUSTER", "MEET", host, port)
	master := command(t, c.Nodes[1], "CLUSTER", "MYID")
	await.Until(t, "a replica joins", func() bool {
		_, err := replica.Do("CLUSTER", "REPLICATE", master)
		return err == nil
	})
	await.Until(t, "the replica is in step", func() bool {
		return strings.Contains(command(t, replica, "INFO", "replication"), "master_link_status:up") &&
			strings.Contains(command(t, c.Nodes[0], "CLUSTER", "NODES"), "slave "+master)
	})
	k := startTalk(t, c.URL(), 100)
	healthy(t, k.nodes[:]...)
	must(t, c.Nodes[1].Kill())
	await.Until(t, "the replica takes over", func() bool {
		return strings.Contains(command(t, replica, "INFO", "replication"), "role:master")
	})
	healthy(t, k.nodes[:]...)
	k.end()
	k.recovers()
}

// TestClusterMovesItsSlots gives the slots that one master has of ours to another:
// Redis ends the subscriptions there unasked.
func TestClusterMovesItsSlots(t *testing.T) {
	t.Parallel()
	c := redisserver.StartCluster(t, 2)
	k := startTalk(t, c.URL(), 100)
	healthy(t, k.nodes[:]...)
	to := command(t, c.Nodes[1], "CLUSTER", "MYID")
	moved := 0
	for number := range 16 {
		slot := command(t, c.Nodes[0], "CLUSTER", "KEYSLOT", fmt.Sprintf("{caravan/%02x}", number))
		if n, err := strconv.Atoi(slot); err != nil || n >= 16_384/2 {
			continue
		}
		moved++
		for _, n := range []int{1, 0} {
			command(t, c.Nodes[n], "CLUSTER", "SETSLOT", slot, "NODE", to)
		}
	}
	time.Sleep(outage)
	k.end()
	k.recovers()
	if moved == 0 || k.reconnects() == 0 {
		t.Errorf("%d slots moved, %d subscriptions broke: this proves nothing", moved, k.reconnects())
	}
}

// TestOlderClusterTakesPlainPublishing is a cluster without sharded
// publish/subscribe, named by one endpoint written twice.
func TestOlderClusterTakesPlainPublishing(t *testing.T) {
	t.Parallel()
	r := redisWith(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
		"--rename-command", "SSUBSCRIBE", "", "--rename-command", "SPUBLISH", "")
	command(t, r, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	await.Until(t, "the cluster is whole", func() bool {
		return strings.Contains(command(t, r, "CLUSTER", "INFO"), "cluster_state:ok")
	})
	c := newCaravan(t)
	url := "redis://" + r.Addr() + "," + r.Addr()
	a, b := c.node(url), c.node(url)
	there := b.join(t, c.rooms[0].ID, "there")
	healthy(t, a, b)
	carriesTo(t, a, b, there)
}

// carriesTo demands that what is said on one node is carried to a member of room
// 0 on another one by a notice.
func carriesTo(t *testing.T, from, to *node, there *member) {
	t.Helper()
	await.Until(t, "a notice arrives in time", func() bool {
		before := to.Stats().Repairs
		m := from.send(0, "hello")
		there.hears(m.Seq, 10*time.Second)
		return to.Stats().Repairs == before
	})
}

// roomChannel is the name of a room's channel, as docs/scaling.md tells it.
func roomChannel(prefix string, room uuid.UUID) string {
	return "{" + prefix + "/00}:room:" + room.String()
}
