package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench"
)

const peersHelp = `caravan-bench peers measures Caravan beside other servers of rooms, one after the other:
the same clients, rooms, rates and bytes, and a processor of its own for the server; the
generator, and PostgreSQL, share the other one. It writes a table.

Servers: floor (caravan-bench floor), gws and gorilla (bench/peers, which store nothing),
caravan-sqlite, caravan-postgres. Workloads: see --workloads.

Example:
  make bench-peers WORKLOADS=pairs SERVERS=floor,caravan-postgres
  caravan-bench peers --from bench/results/peers.json --svg docs/images/bench.svg

Exit status: 0 measured; 1 something was lost, or a server could not be run; 2 wrong usage.
`

// workload is one row of the table for each server.
type workload struct {
	name  string
	about string
	load  bench.Config
}

var workloads = []workload{
	{"fanout", "1,000 members in one room, saturated", bench.Config{Scenario: bench.Fanout, Connections: 1000, Senders: 4, InFlight: 16}},
	{"rooms", "100 rooms of 50, saturated", bench.Config{Scenario: bench.Rooms, Connections: 5000, Rooms: 100, Senders: 500, InFlight: 1}},
	{"pairs", "1,000 rooms of 2, saturated", bench.Config{Scenario: bench.Pairs, Connections: 2000, InFlight: 1}},
	{"steady", "100 rooms of 50, 300 messages/s", bench.Config{Scenario: bench.Rooms, Connections: 5000, Rooms: 100, Senders: 500, Rate: 300}},
	{"idle", "10,000 connections that say nothing", bench.Config{Scenario: bench.Idle, Connections: 10_000, Rooms: 200, Duration: 10 * time.Second}},
}

// peerFlags are what `caravan-bench peers` is told.
type peerFlags struct {
	beside           besideConfig
	servers, wanted  string
	duration, warmup time.Duration
	loadCore         int
	json, svg, from  string
}

// runPeers is `caravan-bench peers`.
func runPeers(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var f peerFlags
	names := make([]string, len(workloads))
	for i := range workloads {
		names[i] = workloads[i].name
	}
	fs := newFlags("peers", peersHelp, stderr)
	fs.StringVar(&f.beside.caravan, "caravan", "bin/caravan", "Caravan's program")
	fs.StringVar(&f.beside.peers, "peers", "bin/peers", "the program of bench/peers")
	fs.StringVar(&f.servers, "servers", strings.Join(besideServers, ","), "which servers, in which order")
	fs.StringVar(&f.wanted, "workloads", strings.Join(names, ","), "which workloads")
	fs.DurationVar(&f.duration, "duration", 5*time.Second, "how long to measure each")
	fs.DurationVar(&f.warmup, "warmup", 2*time.Second, "how long to send before that")
	fs.IntVar(&f.beside.core, "server-core", 1, "the processor that the server has for itself")
	fs.IntVar(&f.loadCore, "load-core", 0, "the processor of the generator and PostgreSQL")
	fs.StringVar(&f.json, "json", "", "keep the results in this file")
	fs.StringVar(&f.svg, "svg", "", "draw what a delivery costs each server, as an SVG file")
	fs.StringVar(&f.from, "from", "", "measure nothing: table and drawing are of results that --json kept")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	if f.from != "" {
		var kept peerResults
		if err := kept.read(f.from); err != nil {
			return exitFault, err
		}
		f.json = ""
		return exitClean, f.write(&kept, stdout)
	}
	servers, err := chosen("servers", f.servers, besideServers)
	if err != nil {
		return exitUsage, err
	}
	wanted, err := chosen("workloads", f.wanted, names)
	if err != nil {
		return exitUsage, err
	}
	if err := pin(f.loadCore); err != nil { // what is started from here on inherits it
		return exitFault, err
	}
	status, found := exitClean, peerResults{Command: os.Args}
	for _, w := range workloads {
		if !slices.Contains(wanted, w.name) {
			continue
		}
		for _, server := range servers {
			load := w.load
			load.Duration, load.Warmup = max(load.Duration, f.duration), f.warmup
			report, err := f.beside.measure(ctx, server, load)
			if err != nil {
				return exitFault, fmt.Errorf("%s, %s: %w", w.name, server, err)
			}
			if !report.OK {
				_, _ = fmt.Fprintf(stderr, "%s, %s: %s\n", w.name, server, strings.Join(report.Faults, "; "))
				status = exitFault
			}
			found.add(&w, server, report)
		}
	}
	if err := f.write(&found, stdout); err != nil {
		return exitFault, err
	}
	return status, nil
}

// write writes the results wherever they are wanted.
func (f *peerFlags) write(found *peerResults, stdout io.Writer) error {
	if err := found.writeTable(stdout); err != nil {
		return err
	}
	if err := writeFile(f.svg, found.writePlot); err != nil {
		return err
	}
	return writeFile(f.json, func(w io.Writer) error { return writeJSON(w, found) })
}

// chosen reads a list of names.
func chosen(flag, list string, known []string) ([]string, error) {
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("--%s: there is no %q, only %s", flag, n, strings.Join(known, ", "))
		}
	}
	return names, nil
}
