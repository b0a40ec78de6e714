package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
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
		URLs: []string{server.URL()}, Mint: benchtest.Mint, MintFor: benchtest.MintFor, Token: 4 * time.Second,
		Members: 12, Rooms: rooms, Rate: 20, Session: 200 * time.Millisecond,
		Duration: 1500 * time.Millisecond, Settle: 30 * time.Second, Seed: 1, Spares: []string{"react"},
	}.WithBursts(30)
}

func run(t *testing.T, cfg verify.Config) *ledger.Report {
	t.Helper()
	rep, err := verify.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// runUntil lets a run go on until something has happened, and a while longer: on a busy
// machine that comes late.
func runUntil(t *testing.T, happened <-chan struct{}, cfg verify.Config) *ledger.Report {
	t.Helper()
	ctx, enough := context.WithCancel(t.Context())
	while := cfg.Duration
	cfg.Duration = await.Limit
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-happened:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(while):
			enough()
		case <-ctx.Done():
		}
	})
	defer waiting.Wait()
	defer enough()
	rep, err := verify.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// inAll is so much that is told that all members are in.
const inAll = 100

// afterSome is no fault: it does something once the server has told so much. happened is
// closed when that is done.
func afterSome(much int, do func()) (faults benchtest.Faults, happened <-chan struct{}) {
	told, done := 0, make(chan struct{})
	faults.Deliver = func(int, int64) benchtest.Fate {
		if told++; told == much {
			go func() { // the server tells no more meanwhile
				defer close(done)
				do()
			}()
		}
		return benchtest.Deliver
	}
	return faults, done
}

// together runs cases at once, as they wait most of the time.
func together[C any](t *testing.T, cases map[string]C, run func(t *testing.T, c C)) {
	var all sync.WaitGroup
	defer all.Wait()
	for name, c := range cases {
		all.Go(func() { t.Run(name, func(t *testing.T) { run(t, c) }) })
	}
}

func TestAFaithfulServerIsClean(t *testing.T) {
	t.Parallel()
	var events bytes.Buffer
	all := &seen{happened: make(chan struct{}), often: map[string]int{ // of everything some
		`"kind":"told"`: 1_000, `"kind":"joined"`: 20, `"kind":"edit"`: 1, `"kind":"delete"`: 1, `"kind":"mark"`: 1, `"kind":"due"`: 1,
		`"kind":"uploaded"`: 1, `"kind":"fetched"`: 1, `"code":"invalid_attachment"`: 1,
	}}
	cfg := config(start(t, benchtest.Faults{}))
	cfg.Events, cfg.Files = io.MultiWriter(&events, all), true
	cfg.CheckFiles = func(context.Context) ([]string, error) { return nil, nil }
	rep := runUntil(t, all.happened, cfg)
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
	// What answers a message that is deleted meanwhile is refused.
	if rep.Sent == 0 || rep.Edits == 0 || rep.Stored > rep.Sent || rep.Stored+rep.Denied < rep.Sent || rep.Attempts <= rep.Sent+rep.Edits || rep.Told == 0 || rep.Joins < 20 || rep.Due == 0 || rep.Changes == 0 || rep.Marks == 0 || rep.Files == 0 || rep.Fetched == 0 || rep.Refused["invalid_attachment"] == 0 {
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
	await.Done(t, "nobody drops connections", done)
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
}

func TestRefusalsAreAccountedFor(t *testing.T) {
	t.Parallel()
	codes := map[string]string{"refused": "unavailable", "open": "unknown_outcome"}
	together(t, codes, func(t *testing.T, code string) {
		n := 0
		cfg := config(start(t, benchtest.Faults{Refuse: func(string) string {
			if n++; n%5 == 0 {
				return code
			}
			return ""
		}}))
		cfg.Spares = append(cfg.Spares, "delete_message") // replies to what is deleted are refused, too
		rep := run(t, cfg)
		if !rep.Clean || rep.Refused[code] == 0 || (code == "unavailable") != (rep.Denied > 0) {
			t.Errorf("%s: %+v", code, rep)
		}
	})
}

// A typing notice over the rate is refused without a name, and nothing is lost by it.
func TestATypingNoticeMayBeRefused(t *testing.T) {
	t.Parallel()
	if rep := run(t, config(start(t, benchtest.Faults{LimitTyping: true}))); !rep.Clean {
		t.Errorf("%+v", rep)
	}
}

// nth returns a function that is true the nth time that a name from a member's
// WebSocket is asked for, and says so. The 200th is of a burst: it is sent once.
func nth(n int, happened chan<- struct{}) func(string) bool {
	return func(string) bool {
		if n--; n == 0 {
			close(happened)
		}
		return n == 0
	}
}

func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	late := func(fate benchtest.Fate, happened chan<- struct{}) func(int, int64) benchtest.Fate {
		n := 0
		return func(int, int64) benchtest.Fate {
			if n++; n == 50 {
				close(happened)
				return fate
			}
			return benchtest.Deliver
		}
	}
	together(t, map[string]func(happened chan<- struct{}) fault{
		"a lost delivery": func(happened chan<- struct{}) fault {
			return fault{benchtest.Faults{Deliver: late(benchtest.Drop, happened)}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "did not come before"}
		},
		"a repeated delivery": func(happened chan<- struct{}) fault {
			return fault{benchtest.Faults{Deliver: late(benchtest.Twice, happened)}, func(r *ledger.Report) ledger.Finding { return r.Repeated }, "came again"}
		},
		"a message that was told": func(happened chan<- struct{}) fault {
			return fault{benchtest.Faults{Forget: nth(20, happened)}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "is not there at the end"}
		},
		"a message without answer": func(happened chan<- struct{}) fault {
			return fault{benchtest.Faults{Silent: nth(200, happened)}, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "never answered"}
		},
		"a false refusal": func(happened chan<- struct{}) fault {
			asked := 0
			return fault{benchtest.Faults{StoreRefused: true, Refuse: func(string) string {
				if asked++; asked == 100 {
					close(happened)
				}
				if asked%20 == 0 {
					return "unavailable"
				}
				return ""
			}}, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "was refused, and is stored"}
		},
	}, func(t *testing.T, of func(happened chan<- struct{}) fault) {
		happened := make(chan struct{})
		f := of(happened)
		cfg := config(start(t, f.faults)).WithBursts(200)
		cfg.Session = 2 * await.Limit
		// A busy machine must have told all else by then: only so many findings are shown.
		cfg.Rate, cfg.Settle = 20, 8*time.Second
		cfg.Members = 6 // steady ones, so that nothing is repaired by reconnecting
		f.isFound(t, runUntil(t, happened, cfg))
	})
}

// fault is one that a run must find.
type fault struct {
	faults benchtest.Faults
	count  func(*ledger.Report) ledger.Finding
	text   string
}

func (f *fault) isFound(t *testing.T, rep *ledger.Report) {
	t.Helper()
	found := f.count(rep)
	if rep.Clean || found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), f.text) {
		t.Errorf("want %q in %+v", f.text, rep)
	}
}

// TestWhoIsNotToldToBeThereIsFound: a server that leaves somebody out who is connected.
func TestWhoIsNotToldToBeThereIsFound(t *testing.T) {
	t.Parallel()
	cfg := config(start(t, benchtest.Faults{Present: func(here map[uuid.UUID]bool) { delete(here, fleet.User(0)) }}))
	cfg.Session = 2 * await.Limit
	// A busy machine must have told all else by then.
	cfg.Rate, cfg.Settle = 2, 8*time.Second
	f := fault{count: func(r *ledger.Report) ledger.Finding { return r.Unexplained }, text: "is connected, and not told"}
	f.isFound(t, run(t, cfg))
}

// Reconnecting hides much: whoever comes back is told what the old connection left
// out. So these faults happen to members that come and go.
func TestReconnectingHidesNothing(t *testing.T) {
	t.Parallel()
	untold := func(member int, _ int64) benchtest.Fate {
		if member%2 == 0 { // half of the connections hear nothing live at all
			return benchtest.Drop
		}
		return benchtest.Deliver
	}
	asked := 0
	silent := func(string) bool { asked++; return asked%20 == 0 }
	together(t, map[string]fault{
		"silence":            {benchtest.Faults{Silent: silent}, func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "never answered"},
		"untold connections": {benchtest.Faults{Deliver: untold}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "its connection lives, and told nothing"},
		"old histories":      {benchtest.Faults{History: func(n int) int { return max(0, n-3) }}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "is missing in its history"},
		"short resumes":      {benchtest.Faults{Resume: func(n int) int { return max(0, n-1) }}, func(r *ledger.Report) ledger.Finding { return r.Lost }, "is missing in what it resumed with"},
	}, func(t *testing.T, f fault) {
		happened, names, silent := make(chan struct{}), 0, f.faults.Silent
		f.faults.Silent = func(name string) bool {
			if names++; names == 200 { // some of each kind
				close(happened)
			}
			return silent != nil && silent(name)
		}
		cfg := config(start(t, f.faults))
		cfg.Settle = 2 * time.Second
		if silent != nil || f.faults.Deliver != nil { // who waits in vain shall not wait long
			cfg.Answer = time.Second
		}
		f.isFound(t, runUntil(t, happened, cfg))
	})
}

// A server that drops a connection is at fault, unless it is being ended itself.
func TestConnectionsEndOnlyWithTheirServer(t *testing.T) {
	t.Parallel()
	together(t, map[string]bool{"with it": true, "without": false}, func(t *testing.T, ending bool) {
		var server *benchtest.Server
		faults, happened := afterSome(inAll, func() { server.DropAll() })
		server = start(t, faults)
		cfg := config(server)
		cfg.Session = 2 * await.Limit
		cfg.Ending = func(node int, _ time.Time) bool { return ending && node == 0 }
		rep := runUntil(t, happened, cfg)
		if rep.Clean != ending || rep.Ended["1006"] == 0 {
			t.Errorf("%+v", rep)
		}
	})
}

// Who is closed as a slow consumer is not cut off by nobody.
func TestASlowConsumersEndIsExplained(t *testing.T) {
	t.Parallel()
	var server *benchtest.Server
	faults, happened := afterSome(inAll, func() { server.CloseAll(4008) })
	server = start(t, faults)
	cfg := config(server)
	cfg.Session = 2 * await.Limit
	rep := runUntil(t, happened, cfg)
	text := strings.Join(rep.Unexplained.First, "\n")
	if rep.Clean || rep.Ended["4008"] == 0 || !strings.Contains(text, "slow consumer") || strings.Contains(text, "no reason") {
		t.Errorf("%+v", rep)
	}
}

// A member that cannot get back in is found, and so is what is not settled.
func TestWhoStaysOutIsFound(t *testing.T) {
	t.Parallel()
	var server *benchtest.Server
	faults, happened := afterSome(inAll, func() { server.CloseDoor() })
	server = start(t, faults)
	cfg := config(server)
	cfg.Settle = time.Second
	rep := runUntil(t, happened, cfg)
	text := strings.Join(rep.Unexplained.First, "\n")
	if rep.Clean || !strings.Contains(text, "it is not connected") || rep.Unexplained.Count < 2 {
		t.Errorf("%+v", rep)
	}
}

func TestAHopelessRunEndsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := config(start(t, benchtest.Faults{}))
	cfg.Duration = time.Hour
	burnt := errors.New("the server's house burnt down")
	hopeless := make(chan error, 1)
	cfg.Hopeless = hopeless
	time.AfterFunc(300*time.Millisecond, func() { hopeless <- burnt })
	ended := make(chan error, 1)
	go func() {
		_, err := verify.Run(context.Background(), cfg)
		ended <- err
	}()
	if err := await.Value(t, "the end of the run", ended); !errors.Is(err, burnt) {
		t.Error(err)
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
		"not seeded":    {func(c *verify.Config) { c.Rooms = 3 }, "caravan seed --users 12 --trips 3"},
	} {
		cfg := config(server)
		c.change(&cfg)
		if rep, err := verify.Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q; report %+v", name, err, c.want, rep)
		}
	}
}

// A server that says that it deleted what it keeps, and one that gives each deletion a number.
// The run ends soon after it has done so a few times.
func TestDeletionsAreAccountedFor(t *testing.T) {
	t.Parallel()
	type defect struct {
		faults func(often func() bool) benchtest.Faults
		find   func(*ledger.Report) ledger.Finding
		text   string
		settle time.Duration // who waits for a tombstone waits in vain
	}
	together(t, map[string]defect{
		"kept": {func(often func() bool) benchtest.Faults { return benchtest.Faults{KeepDeleted: often} },
			func(r *ledger.Report) ledger.Finding { return r.Lost }, "is not deleted", 8 * time.Second},
		"again": {func(often func() bool) benchtest.Faults { return benchtest.Faults{DeleteAgain: often} },
			func(r *ledger.Report) ledger.Finding { return r.Unexplained }, "changed nothing", 15 * time.Second},
	}, func(t *testing.T, c defect) {
		ctx, enough := context.WithCancel(t.Context())
		defer enough()
		times := 0
		cfg := config(start(t, c.faults(func() bool {
			if times++; times == 12 { // of the first ones the answers may be cut with their connections
				enough()
			}
			return true
		})))
		cfg.Session = time.Second // what is asked for is answered before it is left
		cfg.Members, cfg.Duration, cfg.Settle = 20, 2*await.Limit, c.settle
		rep, err := verify.Run(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if found := c.find(rep); found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), c.text) {
			t.Errorf("%+v", rep)
		}
	})
}
