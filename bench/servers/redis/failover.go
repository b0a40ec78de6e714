package redisserver

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// AddReplicas gives each master a replica, which takes its place when it fails: the
// replica of node i is node i + masters. It returns when all are in step.
func (c *Cluster) AddReplicas() error {
	masters := len(c.Nodes)
	if err := c.start(masters); err != nil {
		return err
	}
	for _, replica := range c.Nodes[masters:] {
		if _, err := c.Nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(replica.port)); err != nil {
			return err
		}
	}
	if err := c.WaitWhole(clusterTimeout); err != nil {
		return err
	}
	for i, replica := range c.Nodes[masters:] {
		id, err := c.Nodes[i].Do("CLUSTER", "MYID")
		if err != nil {
			return err
		}
		if _, err := replica.Do("CLUSTER", "REPLICATE", id); err != nil {
			return err
		}
	}
	return c.WaitReplicas()
}

// WaitReplicas waits until the cluster is whole, and each replica is in step with its master.
func (c *Cluster) WaitReplicas() error {
	if err := c.WaitWhole(clusterTimeout); err != nil {
		return err
	}
	for deadline := time.Now().Add(clusterTimeout); ; time.Sleep(clusterPoll) {
		masters, replicas := c.roles()
		if masters == replicas && masters+replicas == len(c.Nodes) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redisserver: %d masters and %d replicas in step after %v", masters, replicas, clusterTimeout)
		}
	}
}

// roles counts the masters, and the replicas that are in step.
func (c *Cluster) roles() (masters, replicas int) {
	for _, node := range c.Nodes {
		info, err := node.Do("INFO", "replication")
		switch {
		case err != nil:
		case strings.Contains(info, "role:master"):
			masters++
		case strings.Contains(info, "master_link_status:up"):
			replicas++
		}
	}
	return masters, replicas
}

// Masters returns the nodes that are masters now.
func (c *Cluster) Masters() (masters []*Server) { return c.of("role:master") }

// Replicas returns the nodes that are replicas now.
func (c *Cluster) Replicas() (replicas []*Server) { return c.of("role:slave") }

func (c *Cluster) of(role string) (nodes []*Server) {
	for _, node := range c.Nodes {
		if info, err := node.Do("INFO", "replication"); err == nil && strings.Contains(info, role) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// TakeOver lets a replica become the master of its slots while the master lives.
func (c *Cluster) TakeOver(replica *Server) error {
	if _, err := replica.Do("CLUSTER", "FAILOVER"); err != nil {
		return err
	}
	for deadline := time.Now().Add(clusterTimeout); ; time.Sleep(clusterPoll) {
		info, err := replica.Do("INFO", "replication")
		if err == nil && strings.Contains(info, "role:master") {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("redisserver: no master after %v", clusterTimeout), err)
		}
	}
}

// Move moves slots, with what is in them, from one master to another, as an operator does.
func (c *Cluster) Move(slots int, from, to *Server) error {
	var ids [2]string
	for i, node := range []*Server{from, to} {
		var err error
		if ids[i], err = node.Do("CLUSTER", "MYID"); err != nil {
			return err
		}
	}
	out, err := exec.Command("redis-cli", "--cluster", "reshard", from.Addr(), "--cluster-from", ids[0], "--cluster-to", ids[1],
		"--cluster-slots", strconv.Itoa(slots), "--cluster-yes").CombinedOutput()
	if err != nil {
		return fmt.Errorf("redisserver: reshard: %w\n%s", err, lastBytes(out))
	}
	return nil
}

// lastBytes keeps what a program said last, which is why it failed.
func lastBytes(out []byte) []byte {
	const most = 1 << 10
	return out[max(0, len(out)-most):]
}
