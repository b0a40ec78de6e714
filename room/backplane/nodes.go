package backplane

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
)

// Node is what a node says about itself in Redis. The form is JSON; fields are
// added, not changed, since nodes of several versions read one another's.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Load

	// Timeline is that of the database's primary, as the node knows it.
	Timeline room.Timeline `json:"timeline,omitempty"`

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
func (n names) primary() string       { return "{" + string(n) + "}:primary" }
func (n names) node(id string) string { return "{" + string(n) + "}:node:" + id }

// Nodes lists the nodes that hold a lease, by name. It makes a connection of its
// own, so that it can be asked without a running Backplane; nodes whose lease has
// ended are taken off the list. Whoever may write to Redis may have written what it
// returns: it looks at no more than nodesMax entries, none of them larger than
// entryBytesMax, and text that a terminal could take for a command is quoted.
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
	ids, err := nodeIDs(ctx, client, names)
	if err != nil {
		return nil, cause("redis", err)
	}
	nodes := make([]Node, 0, len(ids))
	for _, id := range ids {
		node, err := readNode(ctx, client, names, id)
		switch {
		case errors.Is(err, errLeaseEnded): // who comes back adds itself again
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

// nodeIDs reads the set of ids, each once, and leaves out what is none.
func nodeIDs(ctx context.Context, client rueidis.Client, names names) ([]string, error) {
	ids := make(map[string]bool)
	for cursor := uint64(0); ; {
		page, err := client.Do(ctx, client.B().Sscan().Key(names.nodes()).Cursor(cursor).Count(nodesMax).Build()).AsScanEntry()
		if err != nil {
			return nil, err
		}
		for _, id := range page.Elements {
			if len(id) <= idBytesMax && len(ids) < nodesMax {
				ids[id] = true
			}
		}
		if cursor = page.Cursor; cursor == 0 || len(ids) >= nodesMax {
			return slices.Collect(maps.Keys(ids)), nil
		}
	}
}

var (
	errEntry      = errors.New("not the entry of a node")
	errLeaseEnded = errors.New("the lease has ended")
)

// readNode reads the entry of a node, and how much of its lease is left.
func readNode(ctx context.Context, client rueidis.Client, names names, id string) (n Node, err error) {
	key := names.node(id)
	results := client.DoMulti(ctx, client.B().Getrange().Key(key).Start(0).End(entryBytesMax).Build(), client.B().Pttl().Key(key).Build())
	entry, err := results[0].AsBytes()
	if refused, ok := rueidis.IsRedisErr(err); ok && strings.HasPrefix(refused.Error(), "WRONGTYPE") {
		return n, errEntry
	}
	if err != nil {
		return n, err
	}
	left, err := results[1].AsInt64()
	if err != nil {
		return n, err
	}
	switch {
	case len(entry) == 0:
		return n, errLeaseEnded
	case len(entry) > entryBytesMax || left < 0 || json.Unmarshal(entry, &n) != nil || n.ID != id:
		return n, errEntry
	}
	n.ID, n.Name, n.Version = shown(n.ID), shown(n.Name), shown(n.Version)
	n.Seen = max(0, leaseTime-time.Duration(left)*time.Millisecond)
	return n, nil
}

// shown is a text as a terminal can show it: in quotes, with escapes, where some of it
// is not for show, and cut where it would push everything else off the screen.
func shown(s string) string {
	if utf8.RuneCountInString(s) > shownMax {
		s = string([]rune(s)[:shownMax]) + "…"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(s)
	}
	return s
}
