package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/caravan-chat/caravan/bench/verify"
)

const verifyHelp = `caravan-bench verify accounts for every message.

A fleet publishes, edits, deletes, pins, reacts, reconnects with ?since=, resends with the same
client_id and uses REST, while you kill and restart what you like. At the end it
settles everything, reads every room back, and prints what was lost, repeated,
reordered or is unexplained by the contract. The rooms must be its own meanwhile.
Two in ten members have one WebSocket for all the rooms of their user, with tokens that
end soon. A seeded user has one room; seed again with fewer trips, and users have several.

Examples:
  caravan seed --users 60 --trips 6
  caravan-bench verify --jwt-secret SECRET --duration 5m
  caravan-bench verify --jwt-secret SECRET --url ws://10.0.0.1:8000 --url ws://10.0.0.2:8000 --events ledger.jsonl

Exit status: 0 all four are zero; 1 they are not, or there is no account; 2 wrong usage.
`

// runVerify is `caravan-bench verify`.
func runVerify(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	var (
		cfg              verify.Config
		who              seats
		events, jsonPath string
		quiet            bool
	)
	fs := newFlags("verify", verifyHelp, stderr)
	who.register(fs)
	registerVerify(fs, &cfg)
	fs.StringVar(&events, "events", "", "write the ledger to this file, a JSON object a line")
	fs.StringVar(&jsonPath, "json", "", "write the report as JSON to this file; - is stdout, and the text then goes to stderr")
	fs.BoolVar(&cfg.Files, "attachments", false, "members upload, read and delete files, too: the servers must take some")
	fs.BoolVar(&quiet, "quiet", false, "no line of progress each second")
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	cfg.Fleet = who.fleet
	if cfg.Mint, err = who.mint(tokenTTL); err != nil {
		return exitUsage, err
	}
	if cfg.MintFor, err = who.mintFor(); err != nil {
		return exitUsage, err
	}
	if len(cfg.URLs) == 0 {
		cfg.URLs = []string{defaultURL}
	}
	if !quiet {
		cfg.Progress = stderr
	}
	if events != "" {
		f, err := os.Create(events)
		if err != nil {
			return exitUsage, fmt.Errorf("--events: %w", err)
		}
		defer func() {
			if cerr := f.Close(); cerr != nil && err == nil {
				status, err = exitFault, fmt.Errorf("--events: %w", cerr)
			}
		}()
		cfg.Events = f
	}
	report, err := verify.Run(ctx, cfg)
	if err != nil {
		return statusOf(err), err
	}
	if err := write(report, jsonPath, stdout, stderr); err != nil {
		return exitFault, err
	}
	if !report.Clean {
		return exitFault, nil
	}
	return exitClean, nil
}

func registerJS(fs *flag.FlagSet, users *int) {
	fs.IntVar(users, "js-clients", 0, "users besides whom the JavaScript library runs, in a process of Node.js that is killed and frozen now and then")
}

func registerVerify(fs *flag.FlagSet, cfg *verify.Config) {
	fs.Func("url", "a server; repeat it for each node of a deployment (default "+defaultURL+")", func(s string) error {
		cfg.URLs = append(cfg.URLs, s)
		return nil
	})
	fs.IntVar(&cfg.Members, "members", 60, "members of the fleet")
	registerJS(fs, &cfg.JS)
	fs.IntVar(&cfg.Rooms, "rooms", 6, "rooms that they share")
	fs.Float64Var(&cfg.Rate, "rate", 2, "actions a second of each member")
	fs.IntVar(&cfg.Payload, "payload", 100, "bytes of text in a message")
	fs.DurationVar(&cfg.Session, "session", 5*time.Second, "how long a connection is kept on average")
	fs.DurationVar(&cfg.Duration, "duration", 30*time.Second, "how long members act")
	fs.DurationVar(&cfg.Settle, "settle", time.Minute, "how long everything may take to be settled and seen after that")
	fs.Uint64Var(&cfg.Seed, "seed", 1, "of what members do")
}
