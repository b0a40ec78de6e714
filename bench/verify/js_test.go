package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/servers"
	"github.com/caravan-chat/caravan/bench/verify"
)

// withLibrary is a run in which two of the members are the JavaScript library's.
func withLibrary(t *testing.T, faults benchtest.Faults) verify.Config {
	t.Helper()
	servers.Needs(t, "Node.js")
	cfg := config(start(t, faults)).WithBursts(60)
	cfg.Mint = func(user uuid.UUID) (string, error) { return benchtest.MintJWT(user, 0) }
	cfg.MintFor, cfg.Token = benchtest.MintJWT, 30*time.Second
	cfg.Members, cfg.JS, cfg.Session, cfg.Rate, cfg.Duration = 2, 2, time.Second, 8, 2*time.Second
	return cfg
}

// Pages are reloaded, and stand still, while others are told of what they must be told.
func TestTheLibraryIsAMemberOfTheLedger(t *testing.T) {
	t.Parallel()
	faults, happened := afterSome(inAll, func() {})
	rep := runUntil(t, happened, withLibrary(t, faults))
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
	if rep.Loads < 4 || rep.Held < 100 || rep.Holds < 4 {
		t.Errorf("not much was tried: %+v", rep)
	}
}

// A library that does something wrong, once: the account must say so.
func TestABrokenLibraryIsFound(t *testing.T) {
	t.Parallel()
	type broken struct {
		fault string
		found func(*ledger.Report) ledger.Finding
		says  string
	}
	lost := func(r *ledger.Report) ledger.Finding { return r.Lost }
	repeated := func(r *ledger.Report) ledger.Finding { return r.Repeated }
	reordered := func(r *ledger.Report) ledger.Finding { return r.Reordered }
	unexplained := func(r *ledger.Report) ledger.Finding { return r.Unexplained }
	cases := map[string]broken{
		"what it has, it never told":         {"lose", lost, "of which its library has not told"},
		"something is told twice":            {"repeat", repeated, "its library told twice of message"},
		"an older state is told later":       {"stale", reordered, "its library told of message"},
		"a message says something else":      {"alter", unexplained, "said something else"},
		"a message is not drawn in the end":  {"drop", lost, "and does not hold it"},
		"two are drawn in the wrong order":   {"reorder", reordered, "is held behind one made at"},
		"what was written is lost":           {"forget", unexplained, "was in its store, and is not after a reload"},
		"what is not stored is acknowledged": {"claim", lost, "was acknowledged, and"},
	}
	turns := make(chan struct{}, 3) // each starts Node.js again and again
	together(t, cases, func(t *testing.T, c broken) {
		turns <- struct{}{}
		defer func() { <-turns }()
		done := make(chan struct{})
		rep := runUntil(t, done, withLibrary(t, benchtest.Faults{}).WithFault(c.fault, done))
		if found := c.found(rep); found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), c.says) {
			t.Errorf("%+v", rep)
		}
	})
}

func TestTheLibraryNeedsNodeAndSeats(t *testing.T) {
	cfg := withLibrary(t, benchtest.Faults{})
	cfg.Fleet.Users = cfg.Members
	if _, err := verify.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "caravan seed --users") {
		t.Errorf("too few seats: %v", err)
	}
	cfg.Fleet.Users = 0
	t.Setenv("PATH", t.TempDir())
	if _, err := verify.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "need Node.js 20 or later") {
		t.Errorf("no Node.js: %v", err)
	}
}
