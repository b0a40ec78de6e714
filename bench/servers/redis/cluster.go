package redisserver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers"
)

const (
	slots          = 16_384
	clusterTimeout = 30 * time.Second
	clusterPoll    = 20 * time.Millisecond
	// nodeTimeout is when the others take a silent master for failed: soon, so that
	// tests need not wait for long.
	nodeTimeout = time.Second
)

// Cluster is a Redis Cluster, at first of masters without replicas, each with an equal
// part of the slots. A master without a replica that was stopped comes back to its part.
type Cluster struct{ Nodes []*Server }

// StartCluster returns a cluster of the test's own, which ends with the test.
func StartCluster(t testing.TB, masters int) *Cluster {
	t.Helper()
	servers.Needs(t, "Redis")
	c, err := NewCluster(masters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// NewCluster starts a cluster, and returns it when all its nodes agree that it is
// whole. The caller closes it; the end of the calling process ends it too.
func NewCluster(masters int) (*Cluster, error) {
	c := &Cluster{}
	err := c.start(masters)
	if err == nil {
		err = c.join()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start starts further nodes, which belong to nothing yet.
func (c *Cluster) start(nodes int) error {
	for range nodes {
		s, err := New("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
			"--cluster-node-timeout", strconv.FormatInt(nodeTimeout.Milliseconds(), 10))
		if err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, s)
	}
	return nil
}

// join gives out the slots, lets the nodes meet, and waits until all are content.
func (c *Cluster) join() error {
	for i, node := range c.Nodes {
		first, last := slots*i/len(c.Nodes), slots*(i+1)/len(c.Nodes)-1
		if _, err := node.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); err != nil {
			return err
		}
		// Nodes of one age would quarrel about who is newer.
		if _, err := node.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for _, node := range c.Nodes[1:] {
		if _, err := c.Nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(node.port)); err != nil {
			return err
		}
	}
	return c.WaitWhole(clusterTimeout)
}

// WaitWhole waits until every node sees all nodes and all slots served.
func (c *Cluster) WaitWhole(timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; time.Sleep(clusterPoll) {
		whole := 0
		for _, node := range c.Nodes {
			info, err := node.Do("CLUSTER", "INFO")
			if err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Nodes))) {
				whole++
			}
		}
		if whole == len(c.Nodes) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redisserver: %d of %d nodes see a whole cluster after %v", whole, len(c.Nodes), timeout)
		}
	}
}

// URL returns the redis:// URL that names all nodes, as --redis takes it.
func (c *Cluster) URL() string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return "redis://" + strings.Join(addrs, ",")
}

// Close ends all nodes.
func (c *Cluster) Close() error {
	var errs []error
	for _, node := range c.Nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}
