package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench"
)

const agentHelp = `caravan-bench agent lends this process, and this machine, to a load test that another
one coordinates: run --coordinate. It makes its share of the connections, and tells what
they saw. It does so for one coordinator at a time, until it is ended.

The two know the same token, from --agent-token-file or the environment's
CARAVAN_BENCH_AGENT_TOKEN. It is never sent; what they say is encrypted. An agent
connects to the --targets alone, makes --connections-max connections at most, and
ends a run that takes longer than --time-max. It signs the members' tokens itself,
with the server's secret: they are good for --time-max and two minutes more.

Towards servers on other machines an agent makes 25,000 connections at most, which
is what ports allow: the agents of one machine share them.

Examples:
  openssl rand -hex 32 > token
  caravan-bench agent --listen 10.0.0.2:9900 --targets 10.0.0.0/24 --agent-token-file token --jwt-secret-file secret
  caravan-bench run --coordinate 10.0.0.2:9900,10.0.0.3:9900 --agent-token-file token --url ws://10.0.0.9:8000 --scenario rooms --connections 40000

Exit status: 0 ended by a signal; 1 it cannot listen; 2 wrong usage.
`

// agentToken are the flags that say what coordinator and agents know.
type agentToken struct{ file string }

const agentTokenVariable = "CARAVAN_BENCH_AGENT_TOKEN"

func (t *agentToken) register(fs *flag.FlagSet) {
	fs.StringVar(&t.file, "agent-token-file", "", "a file that holds the token which coordinator and agents know; or environment "+agentTokenVariable)
}

// read returns the token.
func (t *agentToken) read() ([]byte, error) {
	if t.file == "" {
		token := os.Getenv(agentTokenVariable)
		if token == "" {
			return nil, errors.New("--agent-token-file: a token is needed that coordinator and agents know, such as `openssl rand -hex 32` makes")
		}
		return []byte(token), nil
	}
	b, err := os.ReadFile(t.file)
	if err != nil {
		return nil, fmt.Errorf("--agent-token-file: %w", err)
	}
	return bytes.TrimSpace(b), nil
}

const (
	defaultAgentListen = "127.0.0.1:9900"
	tokenSpare         = 2 * time.Minute // tokens of agents go to servers elsewhere: they outlive a run no more than that
)

// runAgent is `caravan-bench agent`.
func runAgent(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var (
		cfg   bench.AgentConfig
		who   seats
		token agentToken
		quiet bool
	)
	fs := newFlags("agent", agentHelp, stderr)
	fs.StringVar(&cfg.Listen, "listen", defaultAgentListen, "where its coordinator finds it")
	fs.IntVar(&cfg.ConnectionsMax, "connections-max", 0, "connections that it makes at most (0: as many as its limit of open files lets it have)")
	fs.DurationVar(&cfg.TimeMax, "time-max", time.Hour, "how long a run may take at most")
	fs.Func("targets", "addresses and networks that it may connect to, with commas between them (default loopback)", func(text string) (err error) {
		cfg.Targets, err = parseTargets(text)
		return err
	})
	fs.BoolVar(&quiet, "quiet", false, "say nothing about coordinators and runs")
	token.register(fs)
	who.registerSecret(fs)
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	var err error
	if cfg.Token, err = token.read(); err != nil {
		return exitUsage, err
	}
	if who.secret != "" || who.secretFile != "" { // without one it serves other protocols
		if cfg.Mint, err = who.mint(cfg.TimeMax + tokenSpare); err != nil {
			return exitUsage, err
		}
	}
	if cfg.ConnectionsMax < 0 || cfg.TimeMax <= 0 {
		return exitUsage, errors.New("--connections-max and --time-max must not be negative")
	}
	cfg.Version = version
	cfg.Listening = func(address string) { _, _ = fmt.Fprintln(stdout, "agent listens on "+address) } // for people, and for who starts it
	if !quiet {
		cfg.Log = stderr
	}
	if err := bench.ServeAgent(ctx, cfg); err != nil {
		return exitFault, err
	}
	return exitClean, nil
}

// parseTargets reads addresses and networks.
func parseTargets(text string) (all []netip.Prefix, err error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if address, err := netip.ParseAddr(part); err == nil {
			all = append(all, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/24", part)
		}
		all = append(all, network)
	}
	return all, nil
}

// coordination are the flags that let agents drive the connections.
type coordination struct {
	addresses string
	token     agentToken
}

func (c *coordination) register(fs *flag.FlagSet) {
	fs.StringVar(&c.addresses, "coordinate", "", "agents that make the connections, as host:port with commas between them: caravan-bench agent (empty: this process makes them)")
	c.token.register(fs)
}

// into tells the configuration about the agents, if there are any.
func (c *coordination) into(cfg *bench.Config) (err error) {
	cfg.Agents = strings.FieldsFunc(c.addresses, func(r rune) bool { return r == ',' || r == ' ' })
	if len(cfg.Agents) > 0 {
		cfg.AgentToken, err = c.token.read()
	}
	return err
}
