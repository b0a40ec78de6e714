package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"github.com/caravan-chat/caravan/bench/floor"
)

const floorHelp = `caravan-bench floor runs the least that any server of rooms must do, until it is
interrupted: what somebody says in /room/N is written to all who are there, with one
write for each connection and turn. Nothing is stored or checked: it is the floor that
the cost of a server is compared with. Drive it by caravan-bench run --protocol raw.

Example:
  taskset -c 1 caravan-bench floor --listen 127.0.0.1:9001 &
  caravan-bench run --protocol raw --url ws://127.0.0.1:9001 --server-pid $! --scenario pairs --connections 2000

Exit status: 0 interrupted; 1 it could not run; 2 wrong usage.
`

// runFloor is `caravan-bench floor`.
func runFloor(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var cfg floor.Config
	fs := newFlags("floor", floorHelp, stderr)
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:9001", "IPv4 address and port to listen on; port 0: any free one")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	cfg.Listening = func(at netip.AddrPort) {
		_, _ = fmt.Fprintf(stdout, "listening on %v\n", at) // a closed stdout is no reason to stop
	}
	if err := floor.Run(ctx, cfg); err != nil {
		return exitFault, err
	}
	return exitClean, nil
}
