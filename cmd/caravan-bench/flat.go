package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/page"
)

const flatHelp = `caravan-bench flat asks whether a delivery costs the same in each shape of a fleet: it
measures Caravan, and the floor beside it, with series of shapes in which one number
grows and the work of a second stays the same.

  members      10,000 connections in rooms of 10 to 10,000, 20,000 deliveries a second, so
               that there are fewer messages where rooms are larger
  rooms        1 to 9,500 rooms of two, 1,000 messages a second in all
  connections  100 to 19,000 connections in rooms of 100, 200 messages a second in all

Messages leave by the clock, far below what the server can take, so that each delivery
is a write of its own in every shape: a write that carries several is other work.
The server has a processor for itself; the generator, and PostgreSQL, share the other
one. It writes tables, and reports of all runs into --out. All of it takes less than ten
minutes.

Example:
  make bench-flat SERIES=connections
  caravan-bench flat --out results --series rooms --servers floor,caravan-sqlite

Exit status: 0 measured; 1 something was lost, or a server could not be run; 2 wrong usage;
3 in one run the generator was saturated.
`

// shapes is a series of shapes of a fleet: one number grows.
type shapes struct {
	name  string
	about string
	all   []shape
}

// shape is one of them.
type shape struct {
	grown string // the number
	load  bench.Config
}

// flatSeries are what is measured. 20,000 files a process allow for 19,000 connections, so there are
// no 10,000 rooms of two.
var flatSeries = []shapes{
	series("members", "members of a room: 10,000 connections, 20,000 deliveries/s", []int{10, 100, 1000, 10_000}, func(n int) bench.Config {
		return bench.Config{Connections: 10_000, Rooms: 10_000 / n, Rate: float64(20_000 / n)}
	}),
	series("rooms", "rooms of two, 1,000 messages/s in all", []int{1, 10, 100, 1000, 9500}, func(n int) bench.Config {
		return bench.Config{Connections: 2 * n, Rooms: n, Rate: 1000}
	}),
	series("connections", "connections, in rooms of 100, 200 messages/s in all", []int{100, 1000, 10_000, 19_000}, func(n int) bench.Config {
		return bench.Config{Connections: n, Rooms: n / 100, Rate: 200}
	}),
}

func series(name, about string, grown []int, load func(n int) bench.Config) shapes {
	s := shapes{name: name, about: about}
	for _, n := range grown {
		cfg := load(n)
		cfg.Scenario, cfg.Name = bench.Rooms, fmt.Sprintf("%s-%d", name, n)
		s.all = append(s.all, shape{grown: fmt.Sprint(n), load: cfg})
	}
	return s
}

// flatFlags are what `caravan-bench flat` is told.
type flatFlags struct {
	beside           besideConfig
	servers, wanted  string
	duration, warmup time.Duration
	rounds, loadCore int
	connectionsMax   int
	out              string
	quiet            bool
}

// runFlat is `caravan-bench flat`.
func runFlat(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var f flatFlags
	var names []string
	for i := range flatSeries {
		names = append(names, flatSeries[i].name)
	}
	fs := newFlags("flat", flatHelp, stderr)
	fs.StringVar(&f.beside.caravan, "caravan", besides("caravan"), "Caravan's program")
	fs.StringVar(&f.beside.peers, "peers", besides("peers"), "the program of bench/peers")
	fs.StringVar(&f.servers, "servers", floorServer+","+postgresServer, "which servers, of those of caravan-bench peers; the others are compared with the first")
	fs.StringVar(&f.wanted, "series", strings.Join(names, ","), "which series of shapes")
	fs.IntVar(&f.connectionsMax, "connections-max", 19_000, "shapes with more are left out: each is a file of the server and one of the generator")
	fs.StringVar(&f.out, "out", "", "the directory for the results; it is made")
	fs.IntVar(&f.rounds, "rounds", 2, "times that each shape is run on each server")
	fs.DurationVar(&f.duration, "duration", 4*time.Second, "how long to measure each")
	fs.DurationVar(&f.warmup, "warmup", time.Second, "how long to send before that")
	fs.IntVar(&f.beside.core, "server-core", 1, "the processor that the server has for itself")
	fs.IntVar(&f.loadCore, "load-core", 0, "the processor of the generator and PostgreSQL")
	fs.BoolVar(&f.quiet, "quiet", false, "no line for each run")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	servers, err := chosen("servers", f.servers, besideServers)
	if err != nil {
		return exitUsage, err
	}
	wanted, err := chosen("series", f.wanted, names)
	if err != nil {
		return exitUsage, err
	}
	switch {
	case f.out == "":
		return exitUsage, errors.New("--out: a directory is needed")
	case f.rounds < 1 || f.rounds > roundsMax:
		return exitUsage, fmt.Errorf("--rounds must be 1 to %d", roundsMax)
	case f.duration <= 0:
		return exitUsage, errors.New("--duration must be more than nothing")
	}
	found := newFlatResults(wanted, servers, f.connectionsMax)
	if len(found.Series) == 0 {
		return exitUsage, fmt.Errorf("--connections-max: no shape has only %d", f.connectionsMax)
	}
	if err := pin(f.loadCore); err != nil { // what is started from here on inherits it
		return exitFault, err
	}
	status, err := f.measure(ctx, found, stderr)
	if err != nil {
		return exitFault, err
	}
	return status, f.conclude(found, stdout)
}

// measure runs all shapes on all servers, once in each round, the servers by turns.
func (f *flatFlags) measure(ctx context.Context, found *flatResults, stderr io.Writer) (status int, err error) {
	for round := range f.rounds {
		for i := range found.Series {
			for k := range found.Series[i].Shapes {
				at := &found.Series[i].Shapes[k]
				for n := range at.Servers {
					figure := &at.Servers[(n+round)%len(at.Servers)]
					load := at.load
					load.Duration, load.Warmup = f.duration, f.warmup
					rep, err := f.beside.measure(ctx, figure.Server, load)
					if err != nil {
						return exitFault, fmt.Errorf("%s, %s: %w", load.Name, figure.Server, err)
					}
					if !rep.OK {
						_, _ = fmt.Fprintf(stderr, "%s, %s: %s\n", load.Name, figure.Server, strings.Join(rep.Faults, "; "))
					}
					if st := statusOfReport(rep); st != exitClean && status != exitFault {
						status = st
					}
					found.Machine, found.Version = rep.Machine, rep.Harness
					figure.add(rep)
					if !f.quiet {
						_, _ = fmt.Fprintf(stderr, "round %d, %s, %s: %.2f µs a delivery, others %.2f cores\n",
							round+1, load.Name, figure.Server, rep.Server.CPUPerDeliveryUS, rep.Load.OtherCores)
					}
					if err := f.keep(figure.Server, round+1, rep); err != nil {
						return exitFault, err
					}
				}
			}
		}
	}
	return status, nil
}

// keep writes the report of one run.
func (f *flatFlags) keep(server string, round int, rep *bench.Report) error {
	dir := filepath.Join(f.out, server)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%d", rep.Name, round))
	if err := writeFile(path+".json", func(w io.Writer) error { return writeJSON(w, rep) }); err != nil {
		return err
	}
	return writeFile(path+".html", func(w io.Writer) error { return page.Write(w, rep) })
}

// conclude writes what came out.
func (f *flatFlags) conclude(found *flatResults, stdout io.Writer) error {
	for server, runs := range found.runs() {
		if err := writeFile(filepath.Join(f.out, server, "index.html"), func(w io.Writer) error { return page.WriteIndex(w, server+" in each shape of a fleet", runs) }); err != nil {
			return err
		}
	}
	for name, content := range map[string]func(io.Writer) error{
		"flat.json":  func(w io.Writer) error { return writeJSON(w, found) },
		"index.html": found.writePage, "flat.md": found.writeText,
	} {
		if err := writeFile(filepath.Join(f.out, name), content); err != nil {
			return err
		}
	}
	return found.writeText(stdout)
}
