package bench_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/benchtest"
)

// run makes a short run against a server with the faults given.
func run(t *testing.T, faults benchtest.Faults, change func(*bench.Config)) (*bench.Report, error) {
	t.Helper()
	server := benchtest.New(faults)
	defer server.Close()
	cfg := bench.Config{
		Scenario:    bench.Rooms,
		URL:         server.URL(),
		Mint:        benchtest.Mint,
		ServerPID:   os.Getpid(),
		Connections: 24,
		Rooms:       4,
		Rate:        400,
		Duration:    300 * time.Millisecond,
		Warmup:      100 * time.Millisecond,
		Drain:       10 * time.Second,
		Seed:        1,
	}
	if change != nil {
		change(&cfg)
	}
	return bench.Run(context.Background(), cfg)
}

// measurable is so long that a crowded machine lets a server use some hundredths of a
// second of its processors meanwhile, which is what the kernel counts in.
const measurable = 2 * time.Second

func TestEveryScenarioIsCleanOnAFaithfulServer(t *testing.T) {
	for name, change := range map[string]func(*bench.Config){
		"idle":         func(c *bench.Config) { c.Scenario, c.Rate = bench.Idle, 0 },
		"fanout open":  func(c *bench.Config) { c.Scenario, c.Rooms, c.Senders = bench.Fanout, 0, 3 },
		"fanout":       func(c *bench.Config) { c.Scenario, c.Rooms, c.Rate, c.InFlight = bench.Fanout, 0, 0, 4 },
		"rooms open":   func(*bench.Config) {},
		"rooms":        func(c *bench.Config) { c.Rate = 0 },
		"pairs":        func(c *bench.Config) { c.Scenario, c.Rooms = bench.Pairs, 0 },
		"publish":      func(c *bench.Config) { c.Scenario, c.Rooms, c.Rate, c.InFlight = bench.Publish, 0, 0, 8 },
		"two workers":  func(c *bench.Config) { c.Workers, c.Scenario, c.Rooms, c.Senders = 2, bench.Fanout, 0, 4 },
		"two sources":  func(c *bench.Config) { c.Sources = 2 },
		"long content": func(c *bench.Config) { c.PayloadBytes = 9_000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep, err := run(t, benchtest.Faults{}, func(c *bench.Config) {
				c.Duration = measurable
				change(c)
			})
			if err != nil {
				t.Fatal(err)
			}
			if !rep.OK {
				t.Fatalf("faults: %v", rep.Faults)
			}
			if rep.Connect.Connected != 24 {
				t.Errorf("%d connected, want 24", rep.Connect.Connected)
			}
			if rep.Scenario == bench.Idle {
				return
			}
			d, m := rep.Deliveries, rep.Messages
			if m.Sent == 0 || m.Acknowledged != m.Sent || m.Unanswered != 0 {
				t.Errorf("sent %d, acknowledged %d, unanswered %d", m.Sent, m.Acknowledged, m.Unanswered)
			}
			if members := int64(24 / rep.Parameters.Rooms); d.Received != m.Acknowledged*members || d.Expected != d.Received {
				t.Errorf("%d acknowledged in rooms of %d: expected %d, received %d", m.Acknowledged, members, d.Expected, d.Received)
			}
			if rep.Latency.OwnEcho.Count == 0 || rep.Server.CPUPerDeliveryUS <= 0 {
				t.Errorf("no latency or no CPU was measured: %+v %+v", rep.Latency.OwnEcho, rep.Server)
			}
			seriesAddsUp(t, rep)
		})
	}
}

// seriesAddsUp checks that each second says what happened in it, and all together as much as the whole run.
func seriesAddsUp(t *testing.T, rep *bench.Report) {
	t.Helper()
	var sent, received, delivered int64
	for i, s := range rep.Series {
		sent, received, delivered = sent+s.Sent, received+s.Deliveries, delivered+s.Delivery.Count
		if i > 0 && s.AtS <= rep.Series[i-1].AtS {
			t.Errorf("second %d ends at %v, after %v", i, s.AtS, rep.Series[i-1].AtS)
		}
		if s.Stage == "measure" && (s.HarnessCores <= 0 || s.ServerRSS == 0 || s.KernelBytes == 0) {
			t.Errorf("second %d: %+v", i, s)
		}
	}
	if len(rep.Series) < 2 || sent > rep.Messages.Sent || received > rep.Deliveries.Received || delivered > rep.Deliveries.Received {
		t.Errorf("%d seconds: %d of %d sent, %d of %d deliveries, %d with a latency", len(rep.Series), sent, rep.Messages.Sent, received, rep.Deliveries.Received, delivered)
	}
	var table strings.Builder
	if err := rep.WriteCSV(&table); err != nil || strings.Count(table.String(), "\n") != len(rep.Series)+1 || !strings.Contains(table.String(), "delivery_p99_us") {
		t.Errorf("%v\n%.300s", err, table.String())
	}
	if len(rep.Environment.HarnessCommand) == 0 || rep.Environment.Servers[0].Files == 0 {
		t.Errorf("environment %+v", rep.Environment)
	}
}

func TestScenariosDoWhatTheySay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench.Config)
		shows  func(*bench.Report) bool
	}{
		"storm": {func(c *bench.Config) { c.Scenario, c.Rate = bench.Storm, 40 }, func(r *bench.Report) bool {
			return r.Returns.Cut == 20 && r.Returns.Back == 20 && r.Returns.Latency.Count == 20
		}},
		"history": {func(c *bench.Config) { c.Scenario, c.Rate, c.Prefill = bench.History, 0, 5 }, func(r *bench.Report) bool {
			return r.Returns.Back > 24 && r.Messages.Acknowledged == 4*5
		}},
		"slow": {func(c *bench.Config) { c.Scenario, c.Rooms, c.Slow = bench.Slow, 0, 4 }, func(r *bench.Report) bool {
			return r.SlowMembers.Read > 0 && r.SlowMembers.Members == 4 && r.Deliveries.Received == 20*r.Messages.Acknowledged
		}},
		"day": {func(c *bench.Config) {
			c.Scenario, c.Rate, c.Think, c.Duration = bench.Day, 0, 100*time.Millisecond, measurable
		}, func(r *bench.Report) bool {
			return r.Latency.Action.Count > 0 && r.Deliveries.Changes > 0 && r.Latency.Delivery.Count > 0
		}},
		"nodes": {func(c *bench.Config) { c.Scenario, c.Others = bench.Nodes, []bench.Node{{URL: c.URL}} }, func(r *bench.Report) bool {
			return r.Parameters.Nodes == 2 && r.Latency.OtherNode.Count > 0 && r.Latency.OtherNode.Count < r.Latency.Delivery.Count
		}},
		"ramp": {func(c *bench.Config) {
			c.Ramp = []bench.RampPoint{{At: 0, Rate: 100}, {At: c.Duration, Rate: 500}}
			c.Rate = 0
		}, func(r *bench.Report) bool { return r.Parameters.Arrivals == "open" && r.Messages.Acknowledged > 20 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep, err := run(t, benchtest.Faults{}, func(cfg *bench.Config) {
				cfg.Rate = 100
				c.change(cfg)
			})
			if err != nil {
				t.Fatal(err)
			}
			if !rep.OK || !c.shows(rep) {
				t.Errorf("faults %v; returns %+v; slow %+v; messages %+v; deliveries %+v; latency %+v", rep.Faults, rep.Returns, rep.SlowMembers, rep.Messages, rep.Deliveries, rep.Latency)
			}
		})
	}
}

// A server that does not let everybody back in is found.
func TestAStormThatLeavesSomeOutIsAFault(t *testing.T) {
	t.Parallel()
	var server *benchtest.Server
	var shut sync.Once
	server = benchtest.New(benchtest.Faults{Refuse: func(string) string {
		shut.Do(func() { go server.CloseDoor() })
		return ""
	}})
	defer server.Close()
	rep, err := bench.Run(context.Background(), bench.Config{
		Scenario: bench.Storm, URL: server.URL(), Mint: benchtest.Mint, Connections: 12, Rooms: 2, Rate: 20,
		Duration: 300 * time.Millisecond, Drain: 100 * time.Millisecond,
	})
	if err != nil || rep.OK || rep.Returns.Back >= rep.Returns.Cut || rep.Returns.Failures == 0 {
		t.Errorf("%+v", rep)
	}
}

// Whom the server ends comes back where that is wanted, goes on where it stood, and misses nothing.
func TestWhomTheServerEndsComesBack(t *testing.T) {
	t.Parallel()
	var server *benchtest.Server
	messages := 0
	server = benchtest.New(benchtest.Faults{Refuse: func(string) string {
		if messages++; messages == 20 {
			go server.DropAll()
		}
		return ""
	}})
	defer server.Close()
	joined := false
	rep, err := bench.Run(context.Background(), bench.Config{
		Scenario: bench.Rooms, URL: server.URL(), Mint: benchtest.Mint, Connections: 12, Rooms: 2, SkipRooms: 3, Rate: 200, Returns: true,
		Duration: 500 * time.Millisecond, Joined: func() { joined = true },
	})
	if err != nil {
		t.Fatal(err)
	}
	m := rep.Messages
	if !rep.OK || !joined || rep.Returns == nil || rep.Returns.Cut != 12 || rep.Returns.Back != 12 || m.Acknowledged+m.Unknown != m.Sent || rep.Parameters.Trips != 5 {
		t.Errorf("%v; returns %+v; %+v; joined %v", rep.Faults, rep.Returns, m, joined)
	}
}

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	rep, err := run(t, benchtest.Faults{}, func(c *bench.Config) { c.Rate, c.Workers = 500, 3 })
	if err != nil {
		t.Fatal(err)
	}
	const want = 500 * 0.4 // warm-up and measured time
	if n := float64(rep.Messages.Sent); n < want-3 || n > want+3 {
		t.Errorf("%v messages sent, want %v", n, want)
	}
}

// A server that stalls shows in an open loop's latency for every message that
// was meant to be sent meanwhile, not only for the one that found it stalled.
func TestAnOpenLoopDoesNotOmitAStall(t *testing.T) {
	const stall, measured = 300 * time.Millisecond, 400 * time.Millisecond
	stalled := false
	rep, err := run(t, benchtest.Faults{Refuse: func(string) string {
		if !stalled {
			stalled = true
			time.Sleep(stall)
		}
		return ""
	}}, func(c *bench.Config) { c.Rate, c.Warmup, c.Duration = 1000, 0, measured })
	if err != nil {
		t.Fatal(err)
	}
	// Three quarters of the messages were meant to be sent during the stall. Half of all waited for a third of it
	// or longer; that the machine is busy adds to that.
	if p50 := rep.Latency.OwnEcho.P50; p50 < 50_000 {
		t.Errorf("median own echo is %.0f µs: the stall was omitted", p50)
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	at := func(fate benchtest.Fate) func(int, int64) benchtest.Fate {
		return func(member int, seq int64) benchtest.Fate {
			if member == 5 && seq == 7 {
				return fate
			}
			return benchtest.Deliver
		}
	}
	third := func(n int) func(string) bool {
		return func(string) bool { n--; return n == 0 }
	}
	for name, c := range map[string]struct {
		faults benchtest.Faults
		count  func(*bench.Report) int64
	}{
		"missing":    {benchtest.Faults{Deliver: at(benchtest.Drop)}, func(r *bench.Report) int64 { return r.Deliveries.Missing }},
		"repeated":   {benchtest.Faults{Deliver: at(benchtest.Twice)}, func(r *bench.Report) int64 { return r.Deliveries.Repeated }},
		"reordered":  {benchtest.Faults{Deliver: at(benchtest.Later)}, func(r *bench.Report) int64 { return r.Deliveries.Reordered }},
		"unanswered": {benchtest.Faults{Silent: third(3)}, func(r *bench.Report) int64 { return r.Messages.Unanswered }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep, err := run(t, c.faults, func(c *bench.Config) {
				c.Senders, c.Handshakes = 4, 1 // so that member 5 does not send
				c.Drain = time.Second
			})
			if err != nil {
				t.Fatal(err)
			}
			if rep.OK || c.count(rep) != 1 || len(rep.Faults) != 1 {
				t.Errorf("found %d of 1; faults %v", c.count(rep), rep.Faults)
			}
		})
	}
}

// The last event of a room leaves no gap behind it.
func TestALostLastEventIsFound(t *testing.T) {
	rep, err := run(t, benchtest.Faults{Deliver: func(member int, seq int64) benchtest.Fate {
		if member == 3 && seq > 5 {
			return benchtest.Drop
		}
		return benchtest.Deliver
	}}, func(c *bench.Config) { c.Drain = time.Second })
	if err != nil {
		t.Fatal(err)
	}
	if rep.OK || rep.Deliveries.Missing == 0 {
		t.Errorf("faults %v, %d missing", rep.Faults, rep.Deliveries.Missing)
	}
}

func TestRefusalsAreCountedAndAreNoFault(t *testing.T) {
	n := 0
	rep, err := run(t, benchtest.Faults{Refuse: func(string) string {
		if n++; n%3 == 0 {
			return "unavailable"
		}
		return ""
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := rep.Messages
	if !rep.OK || m.Refused == 0 || m.Refused != rep.Errors["unavailable"] || m.Acknowledged+m.Refused != m.Sent {
		t.Errorf("faults %v; %+v; errors %v", rep.Faults, m, rep.Errors)
	}
}

func TestWhyARunCannotBeMadeIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		faults benchtest.Faults
		change func(*bench.Config)
		want   string
	}{
		"full":          {benchtest.Faults{Reject: 503}, nil, "HTTP 503"},
		"wrong path":    {benchtest.Faults{Reject: 404}, nil, "HTTP 404"},
		"wrong secret":  {benchtest.Faults{CloseCode: 4001}, nil, "--jwt-secret"},
		"not seeded":    {benchtest.Faults{CloseCode: 4003}, nil, "caravan seed --users 24 --trips 4"},
		"no server":     {benchtest.Faults{}, func(c *bench.Config) { c.URL = "ws://127.0.0.1:1" }, "is the server running"},
		"no process":    {benchtest.Faults{}, func(c *bench.Config) { c.ServerPID = 1 << 30 }, "there is no process"},
		"no admin port": {benchtest.Faults{}, func(c *bench.Config) { c.Admin = "http://127.0.0.1:1" }, "admin port"},
		"tls":           {benchtest.Faults{}, func(c *bench.Config) { c.URL = "wss://example.com" }, "TLS"},
		"scenario":      {benchtest.Faults{}, func(c *bench.Config) { c.Scenario = "x" }, "scenario"},
		"rooms":         {benchtest.Faults{}, func(c *bench.Config) { c.Rooms = 25 }, "rooms"},
		"small fleet":   {benchtest.Faults{}, func(c *bench.Config) { c.Fleet.Trips = 2 }, "fleet"},
		"descriptors":   {benchtest.Faults{}, func(c *bench.Config) { c.Connections = 4_000_000 }, "open files"},
	} {
		t.Run(name, func(t *testing.T) {
			rep, err := run(t, c.faults, c.change)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q; report %v", err, c.want, rep)
			}
		})
	}
}

func TestAnInterruptedRunReportsWhatItSaw(t *testing.T) {
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 1200*time.Millisecond)
	defer cancel()
	began := time.Now()
	rep, err := bench.Run(ctx, bench.Config{
		Scenario: bench.Pairs, URL: server.URL(), Mint: benchtest.Mint,
		Connections: 4, Rate: 100, Duration: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Interrupted || !rep.OK || rep.Messages.Acknowledged == 0 {
		t.Errorf("interrupted %v, faults %v, %d acknowledged", rep.Interrupted, rep.Faults, rep.Messages.Acknowledged)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

// Where not all come in, it is told how many have, while they are still there.
func TestWhoHasNotJoinedIsTold(t *testing.T) {
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	told := int64(-1)
	_, err := bench.Run(t.Context(), bench.Config{
		Scenario: bench.Pairs, URL: server.URL(), Mint: benchtest.Mint, Connections: 4, ConnectRate: 2, Duration: time.Second,
		ConnectTimeout: 700 * time.Millisecond, Unjoined: func(connected int64) { told = connected },
	})
	if err == nil || told < 1 || told > 3 || !strings.Contains(err.Error(), "of 4 connections") {
		t.Errorf("%d of 4 are told, error %v", told, err)
	}
}
