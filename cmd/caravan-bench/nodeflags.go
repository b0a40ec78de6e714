package main

import (
	"flag"
	"fmt"
	"strconv"

	"github.com/caravan-chat/caravan/bench"
)

// nodeFlags are the flags that say where the servers are. Each may be given once for each node.
type nodeFlags struct {
	urls, admins []string
	pids         []int
}

func (n *nodeFlags) register(fs *flag.FlagSet) {
	fs.Func("url", "the server; once more for each further node (default "+defaultURL+")", func(text string) error {
		n.urls = append(n.urls, text)
		return nil
	})
	fs.Func("admin", "its admin port, such as http://127.0.0.1:9000: reads its metrics (store, commits, writes per delivery); once for each node, in the same order", func(text string) error {
		n.admins = append(n.admins, text)
		return nil
	})
	fs.Func("server-pid", "its process on this machine: reads its CPU time and memory; likewise", func(text string) error {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		n.pids = append(n.pids, pid)
		return nil
	})
}

// into tells the configuration about all nodes.
func (n *nodeFlags) into(cfg *bench.Config) error {
	if n.urls == nil {
		n.urls = []string{defaultURL}
	}
	if len(n.admins) > len(n.urls) || len(n.pids) > len(n.urls) {
		return fmt.Errorf("there are %d nodes by --url, with %d --admin and %d --server-pid", len(n.urls), len(n.admins), len(n.pids))
	}
	for i, url := range n.urls {
		node := bench.Node{URL: url}
		if i < len(n.admins) {
			node.Admin = n.admins[i]
		}
		if i < len(n.pids) {
			node.PID = n.pids[i]
		}
		if i == 0 {
			cfg.URL, cfg.Admin, cfg.ServerPID = node.URL, node.Admin, node.PID
		} else {
			cfg.Others = append(cfg.Others, node)
		}
	}
	return nil
}
