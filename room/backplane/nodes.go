package backplane

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/redis/rueidis"
)

// Node is what a node says about itself in Redis. The form is JSON; fields are
// added, not changed, since nodes of several versions read one another's.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Load

	// Seen is how long ago the node last said so, by the clock of Redis.
	Seen time.Duration `json:"-"`
}

// Load is what a node has to do.
type Load struct {
	Ready       bool `json:"ready"` // as /readyz says
	Rooms       int  `json:"rooms"` // with listeners on the node
	Connections int  `json:"connections"`
}

// names makes the names of keys and channels. It is the configured prefix.
//
// A lease is a key of its own, which Redis forgets by itself when the node does
// not renew it. A set has the ids of all. Both have the same hash tag.
type names string

func (n names) nodes() string         { return "{" + string(n) + "}:nodes" }
func (n names) node(id string) string { return "{" + string(n) + "}:node:" + id }

// Nodes lists the nodes that hold a lease, by name. It makes a connection of its
// own, so that it can be asked without a running Backplane; nodes whose lease has
// ended are taken off the list.
func Nodes(ctx context.Context, cfg Config) ([]Node, error) {
	options, names, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, cause("redis", err)
	}
	defer client.Close()
	ids, err := client.Do(ctx, client.B().Smembers().Key(names.nodes()).Build()).AsStrSlice()
	if err != nil {
		return nil, cause("redis", err)
	}
	nodes := make([]Node, 0, len(ids))
	for _, id := range ids {
		node, err := readNode(ctx, client, names, id)
		switch {
		case rueidis.IsRedisNil(err): // the lease has ended; who comes back adds itself again
			client.Do(ctx, client.B().Srem().Key(names.nodes()).Member(id).Build())
		case errors.Is(err, errEntry): // not written by a node
		case err != nil:
			return nil, cause("redis", err)
		default:
			nodes = append(nodes, node)
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return nodes, nil
}

var errEntry = errors.New("not the entry of a node")

// readNode reads the entry of a node, and how much of its lease is left.
func readNode(ctx context.Context, client rueidis.Client, names names, id string) (n Node, err error) {
	key := names.node(id)
	results := client.DoMulti(ctx, client.B().Get().Key(key).Build(), client.B().Pttl().Key(key).Build())
	entry, err := results[0].AsBytes()
	if err != nil {
		return n, err
	}
	left, err := results[1].AsInt64()
	if err != nil {
		return n, err
	}
	if json.Unmarshal(entry, &n) != nil || n.ID != id {
		return n, errEntry
	}
	n.Seen = max(0, leaseTime-time.Duration(left)*time.Millisecond)
	return n, nil
}
