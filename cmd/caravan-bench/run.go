package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"time"

	"github.com/caravan-chat/caravan/bench"
)

const runHelp = `caravan-bench run loads a running server with a seeded fleet and measures it.

Scenarios:
  idle     connect and hold: memory and CPU for each connection
  fanout   all in one room, --senders of them talk: the cost of a delivery
  rooms    --connections over --rooms, everybody talks
  pairs    rooms of two: latency
  publish  a sender in each room with --in-flight messages: durable messages a second

Arrivals are open loop with --rate (messages a second by all senders together,
sent by the clock, latency counted from when a message was meant to be sent) and
closed loop without it (each sender keeps --in-flight messages under way).

Examples:
  caravan seed --users 15000 --trips 300
  caravan serve --jwt-secret SECRET --rate 0 &
  caravan-bench run --scenario idle    --connections 15000 --rooms 300 --jwt-secret SECRET --server-pid PID
  caravan-bench run --scenario pairs   --connections 200 --rate 500 --users 15000 --trips 300 --jwt-secret SECRET
  caravan-bench run --scenario publish --connections 100 --in-flight 64 --payload 256 --users 15000 --trips 300 --jwt-secret SECRET --json -
  caravan-bench run --scenario fanout  --connections 1000 --in-flight 16 --protocol raw --url ws://127.0.0.1:9001

Exit status: 0 clean; 1 something was lost, repeated, reordered or unanswered,
connections were ended, or the run could not be made; 2 wrong usage;
130 interrupted, and clean until then.
`

// runLoad is `caravan-bench run`.
func runLoad(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var (
		cfg          bench.Config
		who          seats
		open, closed bool
		jsonPath     string
		quiet        bool
	)
	fs := newFlags("run", runHelp, stderr)
	who.register(fs)
	registerRun(fs, &cfg)
	fs.BoolVar(&open, "open", false, "insist on the open loop: --rate is needed")
	fs.BoolVar(&closed, "closed", false, "insist on the closed loop: --rate must be left out")
	fs.StringVar(&jsonPath, "json", "", "write the report as JSON to this file; - is stdout, and the text then goes to stderr")
	fs.BoolVar(&quiet, "quiet", false, "no line of progress each second")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	if err := arrivals(&cfg, open, closed); err != nil {
		return exitUsage, err
	}
	cfg.Fleet, cfg.Version = who.fleet, version
	if cfg.Protocol == bench.Caravan {
		mint, err := who.mint(tokenTTL)
		if err != nil {
			return exitUsage, err
		}
		cfg.Mint = mint
	}
	if !quiet {
		cfg.Progress = stderr
	}
	report, err := bench.Run(ctx, cfg)
	if err != nil {
		return statusOf(err), err
	}
	if err := write(report, jsonPath, stdout, stderr); err != nil {
		return exitFault, err
	}
	switch {
	case !report.OK:
		return exitFault, nil
	case report.Interrupted:
		return exitInterrupted, nil
	}
	return exitClean, nil
}

// tokenTTL outlives every run.
const tokenTTL = 72 * time.Hour

func registerRun(fs *flag.FlagSet, cfg *bench.Config) {
	fs.StringVar((*string)(&cfg.Scenario), "scenario", "", "idle, fanout, rooms, pairs or publish")
	fs.StringVar((*string)(&cfg.Protocol), "protocol", string(bench.Caravan), "caravan, or raw: any server that sends each text which comes in /room/N to all who are there")
	fs.StringVar(&cfg.URL, "url", defaultURL, "the server")
	fs.StringVar(&cfg.Admin, "admin", "", "its admin port, such as http://127.0.0.1:9000: reads its metrics (store, commits, writes per delivery)")
	fs.IntVar(&cfg.ServerPID, "server-pid", 0, "its process on this machine: reads its CPU time and memory")
	fs.IntVar(&cfg.Connections, "connections", 100, "connections")
	fs.IntVar(&cfg.Rooms, "rooms", 0, "rooms (0: by scenario: fanout 1, pairs one for two, publish one for each, rooms one for ten, idle one for fifty)")
	fs.IntVar(&cfg.Senders, "senders", 0, "connections that send (0: by scenario: fanout 1, otherwise all)")
	fs.Float64Var(&cfg.Rate, "rate", 0, "messages a second by all senders together: open loop (0: closed loop)")
	fs.IntVar(&cfg.InFlight, "in-flight", 0, "messages under way for each sender in the closed loop (0: 32 for publish, otherwise 1)")
	fs.IntVar(&cfg.PayloadBytes, "payload", 256, "bytes of content in a message")
	fs.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long to measure")
	fs.DurationVar(&cfg.Warmup, "warmup", 2*time.Second, "how long to send before that")
	fs.DurationVar(&cfg.Drain, "drain", 10*time.Second, "how long to wait at the end for what is missing")
	fs.IntVar(&cfg.ConnectRate, "connect-rate", 5000, "new connections a second")
	fs.IntVar(&cfg.Handshakes, "handshakes", 128, "handshakes under way at once")
	fs.DurationVar(&cfg.ConnectTimeout, "connect-timeout", 0, "for all connections together (0: 30s and what --connect-rate needs)")
	fs.IntVar(&cfg.Sources, "sources", 0, "loopback addresses to connect from, 127.0.0.2 and on (0: as many as the ports need)")
	fs.IntVar(&cfg.Workers, "workers", 1, "threads of the harness: 1 lets it take one core at most")
	fs.Uint64Var(&cfg.Seed, "seed", 1, "of contents and of the order of senders")
	fs.StringVar(&cfg.Durability, "durability", "", "what store and settings the server runs on, for the report (empty: what the server itself tells on --admin)")
}

// arrivals checks the arrival mode that was insisted on.
func arrivals(cfg *bench.Config, open, closed bool) error {
	switch {
	case open && closed:
		return errors.New("--open and --closed exclude each other")
	case open && cfg.Rate == 0:
		return errors.New("--open: --rate is needed")
	case closed && cfg.Rate != 0:
		return errors.New("--closed: --rate must be left out")
	case cfg.Rate != 0 && cfg.InFlight != 0:
		return errors.New("--in-flight is of the closed loop, --rate of the open one: leave one out")
	}
	return nil
}
