package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/caravan-chat/caravan/room/backplane"
)

// statusTimeout is how long Redis may take to answer.
const statusTimeout = 10 * time.Second

// status lists the nodes that hold a lease in Redis.
func status(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	nodes, err := backplane.Nodes(ctx, backplane.Config{URL: j.cfg.Redis, Prefix: j.cfg.RedisPrefix})
	if err != nil {
		return err
	}
	if j.cfg.JSON {
		return nodesAsJSON(j.stdout, nodes)
	}
	return nodesAsTable(j.stdout, nodes, time.Now())
}

// nodesAsJSON writes one object, for programs.
func nodesAsJSON(w io.Writer, nodes []backplane.Node) error {
	type node struct {
		backplane.Node
		Deployment     string  `json:"deployment,omitempty"` // the same for all nodes of one; none: of an older build
		SeenSecondsAgo float64 `json:"seen_seconds_ago"`
	}
	list := make([]node, len(nodes))
	for i, n := range nodes {
		list[i] = node{n, backplane.DeploymentOf(n.ID), n.Seen.Seconds()}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"nodes": list})
}

// nodesAsTable writes a line for each node and a last one with the sums. Rooms
// have no sum, since several nodes may have members of one. Where the nodes belong to
// several deployments, which is a mistake, it says to which.
func nodesAsTable(w io.Writer, nodes []backplane.Node, now time.Time) error {
	if len(nodes) == 0 {
		_, err := fmt.Fprintln(w, "no nodes")
		return err
	}
	connections := 0
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	several := deployments(nodes) > 1
	header := "NODE\tSTATE\tCONNECTIONS\tROOMS\tUP\tSEEN\tVERSION\tID"
	if several {
		header += "\tDEPLOYMENT"
	}
	fmt.Fprintln(table, header)
	for _, n := range nodes {
		state := "ready"
		if !n.Ready {
			state = "not ready"
		}
		connections += n.Connections
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%v\t%v ago\t%s\t%s", n.Name, state, n.Connections, n.Rooms,
			now.Sub(n.Started).Round(time.Second), n.Seen.Round(time.Second), n.Version, n.ID)
		if several {
			fmt.Fprintf(table, "\t%s", cmp.Or(backplane.DeploymentOf(n.ID), "not told"))
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintf(table, "%d in all\t\t%d\n", len(nodes), connections)
	if several {
		fmt.Fprintln(table, "Several deployments share this Redis and prefix. Give each a --redis-prefix of its own.")
	}
	return table.Flush()
}

// deployments counts those that the nodes belong to. A node of an older build does
// not tell.
func deployments(nodes []backplane.Node) int {
	told := map[string]bool{}
	for _, n := range nodes {
		if d := backplane.DeploymentOf(n.ID); d != "" {
			told[d] = true
		}
	}
	return len(told)
}
