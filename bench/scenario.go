package bench

import (
	"errors"
	"fmt"
	"time"
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
	Storm   Scenario = "storm"   // all but the senders are cut at once, and come back with what they missed
	History Scenario = "history" // members come, get the history, and go, again and again
	Slow    Scenario = "slow"    // some read slowly, the others must not notice
	Day     Scenario = "day"     // members think, type, send, edit, react and read
	Nodes   Scenario = "nodes"   // members of each room on several nodes
)

// Scenarios lists them all.
func Scenarios() []Scenario {
	return []Scenario{Idle, Fanout, Rooms, Pairs, Publish, Storm, History, Slow, Day, Nodes}
}

// cuts reports whether connections are cut in the scenario, to come back.
func (s Scenario) cuts() bool { return s == Storm || s == History }

// returns reports whether connections that end come back.
func (c *Config) returns() bool { return c.Returns || c.Scenario.cuts() }

// scenarioDefaults fills in what the scenario decides.
func (c *Config) scenarioDefaults() {
	everybody := func(rooms int) {
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, max(rooms, 1)), or(c.Senders, c.Connections), or(c.InFlight, 1)
	}
	switch c.Scenario {
	case Fanout:
		c.Rooms, c.Senders, c.InFlight = or(c.Rooms, 1), or(c.Senders, 1), or(c.InFlight, 1)
	case Pairs:
		everybody(c.Connections / 2)
	case Publish:
		c.InFlight = or(c.InFlight, 32)
		everybody(c.Connections)
	case Rooms, Nodes:
		everybody(c.Connections / 10)
	case Idle:
		c.Rooms = or(c.Rooms, max(c.Connections/50, 1))
	case Storm:
		c.Rooms = or(c.Rooms, max(c.Connections/50, 1))
		c.Senders = or(c.Senders, c.Rooms)
		c.openByDefault(float64(c.Senders))
	case History:
		c.Rooms, c.Prefill = or(c.Rooms, max(c.Connections/50, 1)), or(c.Prefill, 50)
	case Slow:
		c.Rooms, c.Senders, c.Slow = or(c.Rooms, 1), or(c.Senders, 1), or(c.Slow, max(c.Connections/20, 1))
		c.openByDefault(100)
	case Day:
		c.Think, c.Senders = or(c.Think, 10*time.Second), or(c.Senders, c.Connections)
		c.openByDefault(float64(c.Senders) / max(c.Think.Seconds(), 1e-3))
		everybody(c.Connections / 20)
	}
	c.SlowBytesPerS = or(c.SlowBytesPerS, 1000)
	if len(c.Ramp) > 0 {
		c.Duration = or(c.Duration, c.Ramp[len(c.Ramp)-1].At)
	}
}

// openByDefault makes an open loop of a rate where nothing else was asked for.
func (c *Config) openByDefault(rate float64) {
	if c.InFlight == 0 && len(c.Ramp) == 0 {
		c.Rate = or(c.Rate, rate)
	}
	c.InFlight = or(c.InFlight, 1)
}

// checkScenario checks what the scenario needs.
func (c *Config) checkScenario(within func(name string, v, least, most int)) error {
	if c.Scenario == Idle || c.Scenario == History {
		if c.Senders != 0 || c.open() {
			return fmt.Errorf("%s: nobody sends while it is measured, so senders and rate must be left out", c.Scenario)
		}
	} else {
		within("senders", c.Senders, 1, c.Connections)
	}
	within("slow", c.Slow, 0, c.Connections-c.Senders)
	within("slow-read", c.SlowBytesPerS, 1, 1<<30)
	within("prefill", c.Prefill, 0, 10_000)
	switch {
	case c.Scenario == Nodes && len(c.Others) == 0:
		return errors.New("nodes: give the --url of two nodes or more")
	case c.Scenario == Day && !c.open():
		return errors.New("day: members act by the clock, so in-flight must be left out")
	case c.Think < 0:
		return errors.New("think: must not be negative")
	case len(c.Others) >= nodesMax:
		return errors.New("url: too many nodes")
	}
	return nil
}

// open reports whether messages leave by the clock.
func (c *Config) open() bool { return c.Rate > 0 || len(c.Ramp) > 0 }
