package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/fleet"
)

const millionHelp = `caravan-bench million puts a whole fleet on this one machine: a million members in 250,000
rooms, or as many as --members says, on as many nodes and agents as the limit of open
files asks for, with one PostgreSQL and one Redis, all of its own.

It connects all, idles, lets members of all rooms send, and then restarts Redis, kills
one node and drains another, both of which start again, and their members come back.
Each connection checks the order of what it gets to the last event, and beside the
fleet a few members, of whom everything is accounted for, act on all nodes (verify).
It reports bytes a member, times, deliveries, and what everything spends; and where the
machine cannot carry it, what gave first. It ends by itself.

Example:
  make million MEMBERS=20000

Exit status: 0 clean; 1 something was lost, or the machine cannot carry it; 2 wrong
usage; 3 the generators were saturated, so that latencies are theirs.
`

// What each process needs of its open files beside connections.
const (
	nodeFilesSpare  = 1000
	agentFilesSpare = 200
	nodesLeast      = 3 // one that is killed, one that is drained, one that stays
	agentsLeast     = 2
	roomMembers     = 4
)

// The fleet of whom everything is accounted for, beside the others.
const (
	accountRooms   = 6
	accountMembers = 24
)

// When things happen, after everybody has come in. Those whom a node's end sends away have the time that
// they need to come back besides.
const (
	idleTime     = 10 * time.Second
	beforeRedis  = 10 * time.Second // of sending, in peace
	redisDown    = 2 * time.Second
	beforeKill   = 8 * time.Second
	nodeDown     = 3 * time.Second
	beforeDrain  = 12 * time.Second
	afterDrain   = 15 * time.Second
	millionDrain = 2 * time.Minute   // for what is still missing in the end
	comebackPace = 400               // members a second of one node, at least
	settlingTime = 210 * time.Second // for that, and the account
)

// million is one call of the command.
type million struct {
	members, nodes, agents int
	caravan                string
	rate                   float64
	connectRate            int
	timeMax                time.Duration
	rightsTriggers         bool
	nodesInTurn            bool
	pingInterval           time.Duration
	json, html             string
	quiet                  bool

	secret, agentToken string
	rooms              int
	out, errs          io.Writer
}

// runMillion is `caravan-bench million`.
func runMillion(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	m := million{out: stdout, errs: stderr}
	fs := newFlags("million", millionHelp, stderr)
	m.register(fs)
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	if err := m.complete(); err != nil {
		return exitUsage, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeMax)
	defer cancel()
	rep, err := m.perform(ctx)
	if rep != nil {
		err = errors.Join(err, m.write(rep))
	}
	switch {
	case err != nil:
		return exitFault, err
	case !rep.clean():
		return exitFault, nil
	}
	return statusOfReport(rep.Load), nil
}

func (m *million) register(fs *flag.FlagSet) {
	fs.IntVar(&m.members, "members", 1_000_000, "members, four in a room")
	fs.IntVar(&m.nodes, "nodes", 0, "servers (0: as many as their limit of open files asks for, and three at least)")
	fs.IntVar(&m.agents, "agents", 0, "processes that make the connections (0: likewise, and two at least)")
	fs.StringVar(&m.caravan, "caravan", besides("caravan"), "the server's program")
	fs.Float64Var(&m.rate, "rate", 0, "messages a second by all members together (0: one for each 10,000 members, and 40 at least)")
	fs.IntVar(&m.connectRate, "connect-rate", 5000, "new connections a second")
	fs.BoolVar(&m.rightsTriggers, "rights-triggers", true, "the database notes whose rights were written (caravan migrate --rights-triggers make);\nfalse: servers look at all members every 20 s")
	fs.BoolVar(&m.nodesInTurn, "nodes-in-turn", true, "connect to one node after the other, by one agent after the other; false: to all of them at once")
	fs.DurationVar(&m.pingInterval, "ping-interval", 5*time.Minute, "after which silence nodes ping a client: --ping-interval of caravan serve")
	fs.DurationVar(&m.timeMax, "time-max", 20*time.Minute, "when it ends at the latest")
	fs.StringVar(&m.json, "json", "", "write the report as JSON to this file")
	fs.StringVar(&m.html, "html", "", "write the load's report as a page with plots to this file")
	fs.BoolVar(&m.quiet, "quiet", false, "no progress")
}

// complete checks the flags and fills in what follows from them.
func (m *million) complete() error {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	limit := int(min(files.Max, 1<<20))
	if limit <= 2*nodeFilesSpare {
		return fmt.Errorf("%d open files are permitted, which is too few: raise the hard limit (ulimit -Hn)", limit)
	}
	if m.members < roomMembers*nodesLeast || m.members > 4_000_000 {
		return errors.New("--members must be 12 to 4,000,000")
	}
	m.members -= m.members % roomMembers
	m.rooms = m.members / roomMembers
	if m.nodes == 0 {
		m.nodes = max(nodesLeast, (m.members-1)/(limit-nodeFilesSpare)+1)
	}
	if m.agents == 0 {
		m.agents = max(agentsLeast, (m.members-1)/(limit-agentFilesSpare)+1)
	}
	if m.nodes < nodesLeast || m.nodes > 64 || m.agents < 1 || m.agents > 200 {
		return fmt.Errorf("%d nodes and %d agents: there must be 3 to 64 and 1 to 200", m.nodes, m.agents)
	}
	if m.rate == 0 {
		m.rate = float64(max(m.members/10_000, 40))
	}
	if m.rate < 0 || m.connectRate < 1 || m.timeMax <= 0 || m.pingInterval <= 0 {
		return errors.New("--rate, --connect-rate, --ping-interval and --time-max must not be negative")
	}
	if _, err := os.Stat(m.caravan); err != nil {
		return fmt.Errorf("--caravan: %w; `make build` builds it", err)
	}
	m.secret, m.agentToken = crand.Text()+crand.Text(), crand.Text()+crand.Text()
	return nil
}

// comeback is how long the members of one node take to come back, beside all the others.
func (m *million) comeback() time.Duration {
	pace := min(float64(m.connectRate), comebackPace)
	return time.Duration(float64(m.members) / float64(m.nodes) / pace * float64(time.Second))
}

// length is how long the load is measured, where nothing takes longer than it should.
func (m *million) length() time.Duration {
	return idleTime + beforeRedis + redisDown + beforeKill + nodeDown + beforeDrain + nodeDown + afterDrain + 2*m.comeback()
}

// connectTime is how long members may take to come in: what is left of the whole.
func (m *million) connectTime(started time.Duration) time.Duration {
	return max(m.timeMax-started-m.length()-settlingTime, m.timeMax/2)
}

// fleet has room for the members and for those of whom everything is accounted for.
func (m *million) fleet() fleet.Fleet {
	trips := m.rooms + accountRooms
	return fleet.Fleet{Users: trips * roomMembers, Trips: trips}
}

// tell says something to people meanwhile.
func (m *million) tell(format string, args ...any) {
	if !m.quiet {
		_, _ = fmt.Fprintf(m.errs, format+"\n", args...) // progress is for people
	}
}
