package backplane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Node is what a node says about itself in Redis.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Load
}

// A lease is a key of its own, which Redis forgets by itself when the node does
// not renew it. A set has the ids of all. Both have the same hash tag.
func nodesKey(prefix string) string    { return "{" + prefix + "}:nodes" }
func nodeKey(prefix, id string) string { return "{" + prefix + "}:node:" + id }

// lease tells the others every now and then that this node is alive, until ctx
// ends; then it takes itself off the list.
func (b *Backplane) lease(ctx context.Context) {
	client := *b.client.Load()
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		if err := b.renew(ctx, client); err != nil && ctx.Err() == nil {
			b.stats.leaseErrors.Add(1)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			forget(context.WithoutCancel(ctx), client, b.cfg.Prefix, b.node.String())
			return
		}
	}
}

// renew writes this node's entry and its lease.
func (b *Backplane) renew(ctx context.Context, client rueidis.Client) error {
	id := b.node.String()
	entry, err := json.Marshal(Node{ID: id, Name: b.cfg.Name, Started: b.started.UTC(), Load: b.cfg.Load()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	for _, result := range client.DoMulti(ctx,
		client.B().Set().Key(nodeKey(b.cfg.Prefix, id)).Value(rueidis.BinaryString(entry)).Ex(leaseTime).Build(),
		client.B().Sadd().Key(nodesKey(b.cfg.Prefix)).Member(id).Build(),
	) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// forget takes nodes off the list; where that fails their lease ends by itself.
func forget(ctx context.Context, client rueidis.Client, prefix string, ids ...string) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	cmds := rueidis.Commands{client.B().Srem().Key(nodesKey(prefix)).Member(ids...).Build()}
	for _, id := range ids {
		cmds = append(cmds, client.B().Del().Key(nodeKey(prefix, id)).Build())
	}
	client.DoMulti(ctx, cmds...)
}

// Nodes lists the nodes that hold a lease, by name. It makes a connection of its
// own, so that it can be asked without a running Backplane; nodes whose lease has
// ended are taken off the list.
func Nodes(ctx context.Context, cfg Config) ([]Node, error) {
	options, err := clientOptions(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = prefixDefault
	}
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	defer client.Close()
	ids, err := client.Do(ctx, client.B().Smembers().Key(nodesKey(cfg.Prefix)).Build()).AsStrSlice()
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	var nodes []Node
	var gone []string
	for _, id := range ids {
		entry, err := client.Do(ctx, client.B().Get().Key(nodeKey(cfg.Prefix, id)).Build()).AsBytes()
		var n Node
		switch {
		case rueidis.IsRedisNil(err):
			gone = append(gone, id)
		case err != nil:
			return nil, fmt.Errorf("redis: %w", err)
		case json.Unmarshal(entry, &n) == nil:
			nodes = append(nodes, n)
		}
	}
	if len(gone) > 0 {
		forget(ctx, client, cfg.Prefix, gone...)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
	return nodes, nil
}
