package bench

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// Scenario names a shape of load.
type Scenario string

// The scenarios.
const (
	Idle    Scenario = "idle"    // connect and hold: memory and CPU for each connection
	Fanout  Scenario = "fanout"  // all in one room, few senders: the cost of a delivery
	Rooms   Scenario = "rooms"   // many rooms, everybody talks
	Pairs   Scenario = "pairs"   // rooms of two: latency
	Publish Scenario = "publish" // one sender a room with many in flight: durable messages a second
)

// Scenarios lists them all.
func Scenarios() []Scenario { return []Scenario{Idle, Fanout, Rooms, Pairs, Publish} }

// Config says what Run does. Fields that are zero take the scenario's default;
// which fields those are, the comments say.
type Config struct {
	Scenario    Scenario
	Protocol    Protocol                             // empty: Caravan
	URL         string                               // ws://host:port of the server
	Admin       string                               // http://host:port of its admin port; empty: its metrics are not read
	ServerPID   int                                  // the server's process on this machine; 0: its CPU and memory are not read
	Fleet       fleet.Fleet                          // what was seeded; parts that are zero: what the run needs
	Mint        func(user uuid.UUID) (string, error) // signs an access token that outlives the run; nil with Raw
	Connections int                                  // zero: 100
	Rooms       int                                  // zero: by scenario
	Senders     int                                  // connections that send; zero: by scenario

	Rate         float64 // messages a second by all senders together: an open loop; zero: a closed loop
	InFlight     int     // messages in flight a sender in the closed loop; zero: by scenario
	PayloadBytes int     // length of each message's content; zero: 256
	Warmup       time.Duration
	Duration     time.Duration // zero: 10 s
	Drain        time.Duration // how long to wait for what is missing at the end; zero: 10 s

	ConnectRate    int           // new connections a second; zero: 5,000
	Handshakes     int           // handshakes under way at once; zero: 128
	ConnectTimeout time.Duration // for all connections together; zero: 30 s and what ConnectRate needs
	Sources        int           // loopback addresses to connect from; zero: as many as the ports need
	Workers        int           // zero: 1, so that the harness takes one core at most

	Seed       uint64    // of the contents and of the order of senders
	Durability string    // what the user says about the store; empty: what the server tells on Admin
	Version    string    // of the harness, for the report
	Progress   io.Writer // a line each second; nil: none
}

// Limits of the harness. Units stand last in the names.
const (
	connectionsMax    = 1 << 24                // what a stamp can carry
	outBytesMax       = 1 << 20                // unsent bytes of one connection, beyond which messages of an open loop are given up
	frameBytesMax     = 64 << 20               // a resume of 1,000 long messages fits
	portsPerSource    = 25_000                 // of Linux's 28,232 ephemeral ports
	descriptorsSpare  = 64                     // for what is no connection
	runMax            = 48 * time.Hour         // well below what a stamp can carry
	refusedPause      = 100 * time.Millisecond // of a sender in the closed loop after a refusal
	idleCheckInterval = 10 * time.Millisecond  // longest that a worker sleeps
)

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
	switch c.Scenario {
	case Fanout:
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, 1), or(c.Senders, 1), or(c.InFlight, 1)
	case Pairs:
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, max(c.Connections/2, 1)), or(c.Senders, c.Connections), or(c.InFlight, 1)
	case Publish:
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, c.Connections), or(c.Senders, c.Connections), or(c.InFlight, 32)
	case Rooms:
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, max(c.Connections/10, 1)), or(c.Senders, c.Connections), or(c.InFlight, 1)
	case Idle:
		c.Rooms = or(c.Rooms, max(c.Connections/50, 1))
	}
	c.Fleet.Trips = or(c.Fleet.Trips, c.Rooms)
	c.Fleet.Users = or(c.Fleet.Users, max(c.Connections, c.Fleet.Trips))
	c.PayloadBytes = or(c.PayloadBytes, 256)
	c.Duration = or(c.Duration, 10*time.Second)
	c.Drain = or(c.Drain, 10*time.Second)
	c.ConnectRate = or(c.ConnectRate, 5_000)
	c.Handshakes = or(c.Handshakes, 128)
	c.ConnectTimeout = or(c.ConnectTimeout, 30*time.Second+time.Duration(float64(c.Connections)/float64(max(c.ConnectRate, 1))*float64(time.Second)))
	c.Sources = or(c.Sources, (c.Connections-1)/portsPerSource+1)
	c.Workers = or(c.Workers, 1)
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
	within("payload", c.PayloadBytes, 1, protocol.ContentRunesMaxDefault)
	within("in-flight", c.InFlight, 0, 10_000)
	within("connect-rate", c.ConnectRate, 1, 1_000_000)
	within("handshakes", c.Handshakes, 1, 100_000)
	within("sources", c.Sources, 1, 200)
	within("workers", c.Workers, 1, min(c.Connections, 64))
	if c.Scenario == Idle {
		if c.Senders != 0 || c.Rate != 0 {
			errs = append(errs, errors.New("idle: nobody sends, so senders and rate must be left out"))
		}
	} else {
		within("senders", c.Senders, 1, c.Connections)
	}
	if c.Rate < 0 || c.Rate > 1e8 {
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
	_, err := wire.ParseEndpoint(c.URL)
	return err
}

// budget is the longest that the run can take.
func (c *Config) budget() time.Duration {
	return c.ConnectTimeout + c.Warmup + c.Duration + c.Drain + byeMax
}
