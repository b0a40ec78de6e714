package verify_test

import (
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// Members lose their membership and get it back: a room's connection ends, and a user's goes on
// with its other rooms.
func TestMembershipsAreLostAndComeBack(t *testing.T) {
	t.Parallel()
	server := start(t, benchtest.Faults{})
	cfg := config(server)
	cfg.Tables, cfg.Duration = tables{server: server}, 2*cfg.Duration
	rep := run(t, cfg)
	if !rep.Clean || rep.Removed == 0 || rep.Ended["4003"] != rep.TurnedOut {
		t.Errorf("%+v", rep)
	}
}

// A server where strangers stay, and where they are let in.
func TestStrangersWhoStayAreFound(t *testing.T) {
	t.Parallel()
	acted := make(chan struct{})
	times := 0
	server := start(t, benchtest.Faults{KeepStrangers: func(acts bool) bool {
		if acts {
			times++
			if times == 10 { // some of them may have begun before their user was a stranger
				close(acted)
			}
		}
		return true
	}})
	cfg := config(server)
	cfg.Tables, cfg.Session = tables{server: server}, 2*time.Second // so that a stranger does something before leaving
	f := fault{count: func(r *ledger.Report) ledger.Finding { return r.Unexplained }, text: "is no member of room"}
	f.isFound(t, runUntil(t, acted, cfg))
}
