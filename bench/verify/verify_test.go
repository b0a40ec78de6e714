package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
)

const rooms = 2

func start(t *testing.T, faults benchtest.Faults) *benchtest.Server {
	t.Helper()
	var trips []uuid.UUID
	for j := range rooms {
		trips = append(trips, fleet.Trip(j))
	}
	server := benchtest.New(faults, trips...)
	t.Cleanup(server.Close)
	return server
}

func config(server *benchtest.Server) verify.Config {
	return verify.Config{
		URLs: []string{server.URL()}, Mint: benchtest.Mint,
		Members: 20, Rooms: rooms, Rate: 40, Session: 100 * time.Millisecond,
		Duration: 1500 * time.Millisecond, Settle: 4 * time.Second, Seed: 1,
	}
}

func run(t *testing.T, cfg verify.Config) *ledger.Report {
	t.Helper()
	rep, err := verify.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestAFaithfulServerIsClean(t *testing.T) {
	t.Parallel()
	server := start(t, benchtest.Faults{})
	var events bytes.Buffer
	cfg := config(server)
	cfg.Events = &events
	rep := run(t, cfg)
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
	if rep.Sent == 0 || rep.Edits == 0 || rep.Stored != rep.Sent || rep.Attempts <= rep.Sent+rep.Edits || rep.Told == 0 || rep.Joins < 20 {
		t.Errorf("not much was tried: %+v", rep)
	}
	// What was written down gives the same account.
	again := ledger.New()
	lines := json.NewDecoder(&events)
	for lines.More() {
		var r ledger.Record
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		again.Apply(&r)
	}
	if copied := again.Check(); !copied.Clean || copied.Told != rep.Told || copied.Attempts != rep.Attempts {
		t.Errorf("from the file: %+v", copied)
	}
}

func TestConnectionsThatAreCutLoseNothing(t *testing.T) {
	t.Parallel()
	server := start(t, benchtest.Faults{})
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				server.DropAll()
			}
		}
	}()
	cfg := config(server)
	cfg.Session = 10 * time.Second
	time.AfterFunc(cfg.Duration, func() { close(stop) })
	rep := run(t, cfg)
	<-done
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
}

func TestRefusalsAreAccountedFor(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unavailable", "unknown_outcome"} {
		n := 0
		rep := run(t, config(start(t, benchtest.Faults{Refuse: func(string) string {
			if n++; n%5 == 0 {
				return code
			}
			return ""
		}})))
		if !rep.Clean || rep.Refused[code] == 0 || (code == "unavailable") != (rep.Denied > 0) {
			t.Errorf("%s: %+v", code, rep)
		}
	}
}

// nth returns a function that is true the nth time that a name from a member's
// WebSocket is asked for.
func nth(n int) func(string) bool {
	return func(string) bool { n--; return n == 0 }
}

func TestFaultsAreFound(t *testing.T) {
	late := func(fate benchtest.Fate) func(int, int64) benchtest.Fate {
		n := 0
		return func(int, int64) benchtest.Fate {
			if n++; n == 50 {
				return fate
			}
			return benchtest.Deliver
		}
	}
	asked := 0
	for name, c := range map[string]struct {
		faults benchtest.Faults
		count  func(*ledger.Report) ledger.Finding
		text   string
	}{
		"a lost delivery":          {benchtest.Faults{Deliver: late(benchtest.Drop)}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "did not come before"},
		"a repeated delivery":      {benchtest.Faults{Deliver: late(benchtest.Twice)}, func(r *ledger.Report) ledger.Finding { return r.Repeated }, "came again"},
		"a message that was told":  {benchtest.Faults{Forget: nth(20)}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "is not there at the end"},
		"a message without answer": {benchtest.Faults{Silent: nth(20)}, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "never answered"},
		"a false refusal": {benchtest.Faults{StoreRefused: true, Refuse: func(string) string {
			if asked++; asked%20 == 0 {
				return "unavailable"
			}
			return ""
		}}, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "was refused, and is stored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(start(t, c.faults))
			cfg.Session = time.Minute
			cfg.Members = 6 // steady ones, so that nothing is repaired by reconnecting
			rep := run(t, cfg)
			found := c.count(rep)
			if rep.Clean || found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), c.text) {
				t.Errorf("want %q in %+v", c.text, rep)
			}
		})
	}
}

func TestAHopelessRunEndsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := config(start(t, benchtest.Faults{}))
	cfg.Duration = time.Minute
	burnt := errors.New("the server's house burnt down")
	hopeless := make(chan error, 1)
	cfg.Hopeless = hopeless
	time.AfterFunc(300*time.Millisecond, func() { hopeless <- burnt })
	begun := time.Now()
	if rep, err := verify.Run(context.Background(), cfg); !errors.Is(err, burnt) || time.Since(begun) > 20*time.Second {
		t.Errorf("after %v: %v, %+v", time.Since(begun), err, rep)
	}
}

func TestWhyThereIsNoAccountIsSaid(t *testing.T) {
	t.Parallel()
	server := start(t, benchtest.Faults{CloseCode: 4003})
	for name, c := range map[string]struct {
		change func(*verify.Config)
		want   string
	}{
		"no server":     {func(c *verify.Config) { c.URLs = nil }, "url"},
		"bad url":       {func(c *verify.Config) { c.URLs = []string{"x"} }, "ws://"},
		"not let in":    {func(*verify.Config) {}, "was not let into room"},
		"too few rooms": {func(c *verify.Config) { c.Rooms = 0; c.Members = 1; c.Rooms = 2 }, "members in"},
		"not seeded":    {func(c *verify.Config) { c.Rooms = 3 }, "caravan seed --users 20 --trips 3"},
	} {
		cfg := config(server)
		c.change(&cfg)
		if rep, err := verify.Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q; report %+v", name, err, c.want, rep)
		}
	}
}
