package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// Config says what Run does. Fields that are zero take the scenario's default;
// which fields those are, the comments say.
type Config struct {
	Scenario    Scenario
	Protocol    Protocol                             // empty: Caravan
	Name        string                               // of the workload, for who compares runs; empty: the scenario
	URL         string                               // ws://host:port of the server
	Admin       string                               // http://host:port of its admin port; empty: its metrics are not read
	ServerPID   int                                  // the server's process on this machine; 0: its CPU and memory are not read
	Others      []Node                               // further nodes of the deployment, over which the connections of each room are spread
	Fleet       fleet.Fleet                          // what was seeded; parts that are zero: what the run needs
	Mint        func(user uuid.UUID) (string, error) `json:"-"` // signs an access token that outlives the run; nil with other protocols, and with Agents, which sign themselves
	Agents      []string                             `json:"-"` // host:port of the agents that drive the connections; empty: this process does
	AgentToken  []byte                               `json:"-"` // that they know, too
	Connections int                                  // zero: 100
	Rooms       int                                  // zero: by scenario
	Senders     int                                  // connections that send; zero: by scenario

	Ramp         []RampPoint // of an open loop whose rate changes; empty: Rate throughout
	Rate         float64     // messages a second by all senders together: an open loop; zero: a closed loop
	InFlight     int         // messages in flight a sender in the closed loop; zero: by scenario
	PayloadBytes int         // length of each message's content; zero: 256
	Warmup       time.Duration
	Duration     time.Duration // zero: 10 s
	Drain        time.Duration // how long to wait for what is missing at the end; zero: 10 s

	Think   time.Duration // of the day: between two things that a member does, on average; zero: 10 s
	Returns bool          // connections that the server ends come back, and with Caravan's protocol go on where they stood
	// Restart ends the server of a storm and starts it again, in place of cutting connections, and
	// returns the new process, zero where that is not to be watched. It must not wait until all are back.
	Restart   func(context.Context) (pid int, err error) `json:"-"`
	SkipRooms int                                        // rooms of the fleet that the run leaves to others: the first ones
	Joined    func()                                     `json:"-"` // is called once all connections are members; nil: nobody waits for it
	Unjoined  func(connected int64)                      `json:"-"` // is called where they are not, while those that are still live; nil: nobody is told

	Slow          int // members that read slowly; zero: by scenario
	SlowBytesPerS int // how fast they read; zero: 1,000
	Prefill       int // messages that each room gets before it is measured; zero: by scenario

	NodesInTurn    bool          // a node's connections come after those of the one before, and not to all nodes at once
	ConnectRate    int           // new connections a second; zero: 5,000
	Handshakes     int           // handshakes under way at once; zero: 128
	ConnectTimeout time.Duration // for all connections together; zero: 30 s and what ConnectRate needs
	Sources        int           // loopback addresses to connect from; zero: as many as the ports need
	Workers        int           // zero: 1, so that the harness takes one core at most

	Seed       uint64    // of the contents and of the order of senders
	Durability string    // what the user says about the store; empty: what the server tells on Admin
	Version    string    // of the harness, for the report
	Progress   io.Writer `json:"-"` // a line each second; nil: none
	Live       bool      // Progress is a terminal: a table that is drawn anew takes the place of the lines
}

// Node is one server of a deployment.
type Node struct {
	URL   string // ws://host:port
	Admin string // http://host:port of its admin port; empty: its metrics are not read
	PID   int    // its process on this machine; 0: its CPU and memory are not read
}

// nodes lists all nodes, that of URL first.
func (c *Config) nodes() []Node {
	return append([]Node{{URL: c.URL, Admin: c.Admin, PID: c.ServerPID}}, c.Others...)
}

// Limits of the harness. Units stand last in the names.
const (
	connectionsMax = 1 << 24  // what a stamp can carry
	outBytesMax    = 1 << 20  // unsent bytes of one connection, beyond which messages of an open loop are given up
	frameBytesMax  = 64 << 20 // a resume of 1,000 long messages fits
	portsPerSource = 25_000   // of Linux's 28,232 ephemeral ports
	// quickPortsPerSource are those that the kernel finds at once: it looks at every second port first, and
	// once these are taken it looks at all of them again for each connection, for a millisecond.
	quickPortsPerSource  = 14_000
	sourcesMax           = 200
	descriptorsSpare     = 64                     // for what is no connection
	nodesMax             = 64                     // of a deployment
	runMax               = 48 * time.Hour         // well below what a stamp can carry
	refusedPause         = 100 * time.Millisecond // of a sender in the closed loop after a refusal
	idleCheckInterval    = 10 * time.Millisecond  // longest that a worker sleeps
	idleAgentInterval    = 40 * time.Millisecond  // and where it is one of many processes, and waits for others; less than startAhead
	waitingAgentInterval = time.Second            // and there, before anything is sent: an order rings its alarm
)

// NeededFleet returns the fleet that the run needs, or the one that it has.
func (c Config) NeededFleet() (fleet.Fleet, error) {
	c.Mint = func(uuid.UUID) (string, error) { return "", nil } // it is not called
	c.URL = or(c.URL, "ws://127.0.0.1")
	err := c.complete()
	return c.Fleet, err
}

// ConfigError says what is wrong with a Config.
type ConfigError struct{ err error }

// Error tells all that is wrong.
func (e *ConfigError) Error() string { return e.err.Error() }

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.err }

// complete fills in the defaults and checks the whole. Its error is a *ConfigError.
func (c *Config) complete() error {
	if !slices.Contains(Scenarios(), c.Scenario) {
		return &ConfigError{fmt.Errorf("scenario %q: must be one of %v", c.Scenario, Scenarios())}
	}
	c.defaults()
	if err := errors.Join(c.checkNumbers(), c.checkEnds()); err != nil {
		return &ConfigError{err}
	}
	return nil
}

func (c *Config) defaults() {
	c.Protocol = or(c.Protocol, Caravan)
	c.Connections = or(c.Connections, 100)
	c.scenarioDefaults()
	c.Fleet.Trips = or(c.Fleet.Trips, c.Rooms+c.SkipRooms)
	c.Fleet.Users = or(c.Fleet.Users, max(c.Connections, c.Fleet.Trips))
	c.PayloadBytes = or(c.PayloadBytes, 256)
	c.Duration = or(c.Duration, 10*time.Second)
	c.Drain = or(c.Drain, 10*time.Second)
	c.ConnectRate = or(c.ConnectRate, 5_000)
	c.Handshakes = or(c.Handshakes, 128)
	c.ConnectTimeout = or(c.ConnectTimeout, 30*time.Second+time.Duration(float64(c.Connections)/float64(max(c.ConnectRate, 1))*float64(time.Second)))
	if len(c.Agents) == 0 { // each of them knows what it needs
		c.Sources = or(c.Sources, c.sourcesFor(c.Connections))
	}
	c.Workers = or(c.Workers, 1)
}

// sourcesFor is how many addresses a number of connections needs.
func (c *Config) sourcesFor(connections int) int {
	needed, quick := (connections-1)/portsPerSource+1, (connections-1)/quickPortsPerSource+1
	if c.toLoopback() && !strings.Contains(c.URL, "[") { // where there are addresses enough: IPv6 has one
		return max(needed, min(quick, sourcesMax))
	}
	return needed
}

// toLoopback reports whether the first node is on this machine, by its address.
func (c *Config) toLoopback() bool {
	end, err := wire.ParseEndpoint(c.URL)
	if err != nil {
		return false
	}
	host, _, err := net.SplitHostPort(end.Address)
	address, parsed := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || parsed == nil && address.IsLoopback())
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c *Config) checkNumbers() error {
	var errs []error
	within := func(name string, v, least, most int) {
		if v < least || v > most {
			errs = append(errs, fmt.Errorf("%s: %d is not within %d to %d", name, v, least, most))
		}
	}
	within("connections", c.Connections, 1, connectionsMax-1)
	within("rooms", c.Rooms, 1, c.Connections)
	within("rooms to skip", c.SkipRooms, 0, connectionsMax)
	within("payload", c.PayloadBytes, 1, protocol.ContentRunesMaxDefault)
	within("in-flight", c.InFlight, 0, 10_000)
	within("connect-rate", c.ConnectRate, 1, 1_000_000)
	within("handshakes", c.Handshakes, 1, 100_000)
	within("sources", c.Sources, 1-min(len(c.Agents), 1), sourcesMax)
	within("agents", len(c.Agents), 0, generatorsMax)
	within("workers", c.Workers, 1, min(c.Connections, 64))
	errs = append(errs, c.checkScenario(within), c.checkRestart(), checkRamp(c.Ramp, c.Rate))
	if c.Rate < 0 || c.Rate > rateMax {
		errs = append(errs, fmt.Errorf("rate: %g is not within 0 to 100,000,000", c.Rate))
	}
	if c.Warmup < 0 || c.Duration < 0 || c.Drain < 0 || c.ConnectTimeout < 0 || c.budget() > runMax {
		errs = append(errs, fmt.Errorf("the times given are negative, or the whole is longer than %v", runMax))
	}
	return errors.Join(errs...)
}

var errNoMint = errors.New("a way to sign tokens is needed")

func (c *Config) checkEnds() error {
	if err := c.checkProtocol(); err != nil {
		return err
	}
	for _, n := range c.nodes() {
		if _, err := wire.ParseEndpoint(n.URL); err != nil {
			return err
		}
	}
	return nil
}

// budget is the longest that the run can take.
func (c *Config) budget() time.Duration {
	budget := c.ConnectTimeout + c.Warmup + c.Duration + c.Drain + byeMax
	if c.Prefill > 0 { // for which there is as much time
		budget += c.ConnectTimeout
	}
	if c.Restart != nil {
		budget += restartMax
	}
	return budget
}
