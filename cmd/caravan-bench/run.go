package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/cmd/caravan-bench/assert"
)

const runHelp = `caravan-bench run loads a running server with a seeded fleet and measures it.

Scenarios:
  idle     connect and hold: memory and CPU for each connection
  fanout   all in one room, --senders of them talk: the cost of a delivery
  rooms    --connections over --rooms, everybody talks
  pairs    rooms of two: latency
  publish  a sender in each room with --in-flight messages: durable messages a second
  storm    all but the senders are cut at once, and come back with what they missed;
           with --restart all are, by the server's end
  history  members come, get the history, and go again, at --connect-rate
  slow     --slow members read --slow-read bytes a second; the others must not notice
  day      members think (--think), type, send, edit, react and read
  nodes    members of each room on several nodes: repeat --url

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

--coordinate lets agents make the connections, other processes or machines that run
caravan-bench agent: one report, in which their histograms are merged bin by bin, and
one exit status. An agent that dies is a fault (1), one that lags saturates (3).

--ramp changes the rate over time. --find-rate searches for the highest rate that
holds a condition. A --scenario-file holds any of these flags.

--assert compares figures with values, such as p99<50ms,lost==0,deliveries>10k/s.
Latencies are mean, p50, p90, p99, p99.9 and max; of deliveries to others, or with
echo., delivery., connect. or lag. in front of others. --html writes a page with
plots that needs no network, --csv a line for each second.

Exit status: 0 clean; 1 something was lost, repeated, reordered or unanswered,
connections were ended, or the run could not be made; 2 wrong usage; 3 the
generator was saturated, so that the figures are its own; 4 an assertion does not
hold; 130 interrupted, and clean until then.
`

// runLoad is `caravan-bench run`.
func runLoad(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var (
		cfg          bench.Config
		who          seats
		out          outputs
		nodes        nodeFlags
		agents       coordination
		open, closed bool
		quiet        bool
		file, find   string
	)
	fs := newFlags("run", runHelp, stderr)
	who.register(fs)
	nodes.register(fs)
	agents.register(fs)
	registerRun(fs, &cfg)
	fs.BoolVar(&open, "open", false, "insist on the open loop: --rate is needed")
	fs.BoolVar(&closed, "closed", false, "insist on the closed loop: --rate must be left out")
	out.register(fs)
	fs.StringVar(&file, "scenario-file", "", "a file with any of these flags, one a line as rate = 500; flags of the command line win")
	fs.StringVar(&find, "find-rate", "", "search for the highest --rate with which these conditions hold, such as 'p99<50ms': many runs; --rate is the first")
	fs.BoolVar(&quiet, "quiet", false, "no progress: neither a table on a terminal nor a line each second elsewhere")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	if err := readScenario(fs, file); err != nil {
		return exitUsage, err
	}
	if err := nodes.into(&cfg); err != nil {
		return exitUsage, err
	}
	if err := arrivals(&cfg, open, closed); err != nil {
		return exitUsage, err
	}
	cfg.Fleet, cfg.Version = who.fleet, version
	if err := agents.into(&cfg); err != nil {
		return exitUsage, err
	}
	if cfg.Protocol == bench.Caravan && len(cfg.Agents) == 0 { // agents sign tokens themselves
		mint, err := who.mint(tokenTTL)
		if err != nil {
			return exitUsage, err
		}
		cfg.Mint = mint
	}
	if !quiet {
		cfg.Progress, cfg.Live = stderr, isTerminal(stderr)
	}
	report, err := runOrFind(ctx, cfg, find)
	if err != nil {
		return statusOf(err), err
	}
	report.Assertions = assert.Check(out.conditions, report)
	if err := out.write(report, stdout, stderr); err != nil {
		return exitFault, err
	}
	return statusOfReport(report), nil
}

func statusOfReport(report *bench.Report) int {
	switch {
	case !report.OK:
		return exitFault
	case report.Generator.Saturated:
		return exitSaturated
	case !report.Asserted():
		return exitAssertion
	case report.Interrupted:
		return exitInterrupted
	}
	return exitClean
}

// runOrFind makes one run, or searches for the highest rate where find says what has to hold.
func runOrFind(ctx context.Context, cfg bench.Config, find string) (*bench.Report, error) {
	if find == "" {
		return bench.Run(ctx, cfg)
	}
	conditions, err := assert.Parse(find)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--find-rate: %w", err)}
	}
	return bench.FindRate(ctx, cfg, find, func(rep *bench.Report) (held bool, is string) {
		held = true
		for i, a := range assert.Check(conditions, rep) {
			held = held && a.Holds
			if i > 0 {
				is += ", "
			}
			is += conditions[i].Name + " " + a.Is
		}
		return held, is
	})
}

// tokenTTL outlives every run.
const tokenTTL = 72 * time.Hour

func registerRun(fs *flag.FlagSet, cfg *bench.Config) {
	fs.StringVar((*string)(&cfg.Scenario), "scenario", "", "idle, fanout, rooms, pairs, publish, storm, history, slow, day or nodes")
	fs.StringVar(&cfg.Name, "name", "", "of this workload, by which runs are compared (empty: the scenario)")
	fs.StringVar((*string)(&cfg.Protocol), "protocol", string(bench.Caravan), "caravan; raw: any server that sends each text which comes in /room/N to all who are there; socketio; centrifugo")
	fs.IntVar(&cfg.Connections, "connections", 100, "connections")
	fs.IntVar(&cfg.Rooms, "rooms", 0, "rooms (0: by scenario: fanout 1, pairs one for two, publish one for each, rooms one for ten, idle one for fifty)")
	fs.IntVar(&cfg.Senders, "senders", 0, "connections that send (0: by scenario: fanout 1, otherwise all)")
	fs.Func("restart", "storm: a shell command that ends the server and starts it again, in place of cutting connections; it may print the new process's id, and must not wait for the server's end", func(command string) error {
		cfg.Restart = restartBy(command)
		return nil
	})
	fs.Float64Var(&cfg.Rate, "rate", 0, "messages a second by all senders together: open loop (0: closed loop)")
	fs.Func("ramp", "rates at times of the measured part, such as 0s=100,30s=2000: open loop, the rate goes evenly from one to the next", func(text string) (err error) {
		cfg.Ramp, err = bench.ParseRamp(text)
		return err
	})
	fs.DurationVar(&cfg.Think, "think", 0, "day: time between two things that a member does, on average (0: 10s)")
	fs.IntVar(&cfg.Slow, "slow", 0, "members that read slowly (0: slow one for twenty, otherwise none)")
	fs.IntVar(&cfg.SlowBytesPerS, "slow-read", 1000, "bytes a second that each of them reads")
	fs.IntVar(&cfg.Prefill, "prefill", 0, "history: messages in each room before it is measured (0: 50)")
	fs.IntVar(&cfg.InFlight, "in-flight", 0, "messages under way for each sender in the closed loop (0: 32 for publish, otherwise 1)")
	fs.IntVar(&cfg.PayloadBytes, "payload", 256, "bytes of content in a message")
	fs.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long to measure")
	fs.DurationVar(&cfg.Warmup, "warmup", 2*time.Second, "how long to send before that")
	fs.DurationVar(&cfg.Drain, "drain", 10*time.Second, "how long to wait at the end for what is missing")
	fs.IntVar(&cfg.ConnectRate, "connect-rate", 5000, "new connections a second")
	fs.BoolVar(&cfg.NodesInTurn, "nodes-in-turn", false, "connect to one node after the other, and not to all of them at once; neighbouring rooms are\nthen on the same nodes, and agents begin in turn, two at a time")
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
	case open && cfg.Rate == 0 && cfg.Ramp == nil:
		return errors.New("--open: --rate is needed")
	case closed && (cfg.Rate != 0 || cfg.Ramp != nil):
		return errors.New("--closed: --rate must be left out")
	case cfg.Rate != 0 && cfg.InFlight != 0:
		return errors.New("--in-flight is of the closed loop, --rate of the open one: leave one out")
	}
	return nil
}
