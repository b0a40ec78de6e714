package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
)

// goneBack knows what a server lost when it went back.
type goneBack struct {
	server *benchtest.Server
	copy   benchtest.Copy
	note   func(ledger.Record)
}

func (g *goneBack) Begin(note func(ledger.Record)) { g.note = note }

func (g *goneBack) End(context.Context) error {
	for room := range rooms {
		g.noteAll(ledger.Stands, g.server.Log(fleet.Trip(room), g.copy.Stands(fleet.Trip(room))))
		g.note(ledger.Record{Kind: ledger.Noticed, Room: room, Node: 1})
	}
	return nil
}

func (g *goneBack) goBack(silent bool) {
	for room := range rooms {
		g.note(ledger.Record{Kind: ledger.Forked, Room: room, FailOver: 1, Seq: g.copy.Stands(fleet.Trip(room))})
	}
	g.noteAll(ledger.Undone, g.server.GoBack(g.copy, silent))
}

func (g *goneBack) noteAll(kind ledger.Kind, events []benchtest.Event) {
	numbers := map[uuid.UUID]int{}
	for room := range rooms {
		numbers[fleet.Trip(room)] = room
	}
	for _, e := range events {
		g.note(ledger.Record{
			Kind: kind, FailOver: 1, Room: numbers[e.Room], Seq: e.Seq, Made: e.Made, Edited: e.Seq != e.Made,
			Message: e.Message.String(), Updated: e.At.Format(time.RFC3339Nano),
		})
	}
}

// losesMuch says whether each room has lost events where the server goes back.
func (g *goneBack) losesMuch() bool {
	for j := range rooms {
		if trip := fleet.Trip(j); len(g.server.Log(trip, g.copy.Stands(trip))) < 5 {
			return false
		}
	}
	return true
}

// losing runs a fleet on a server that goes back once.
func losing(t *testing.T, silent, known bool) *ledger.Report {
	t.Helper()
	g := &goneBack{note: func(ledger.Record) {}}
	faults, happened := afterSome(inAll, func() {
		g.copy = g.server.Copy()
		for until := time.Now().Add(await.Limit); !g.losesMuch() && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
		g.goBack(silent)
	})
	g.server = start(t, faults)
	events, err := os.Create(filepath.Join(t.TempDir(), "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	cfg := config(g.server)
	if silent {
		cfg.Settle = 3 * time.Second // it never is
	}
	if known {
		cfg.Losses, cfg.Events = g, events
	}
	return runUntil(t, happened, cfg)
}

func TestMembersBeginAnewWhenTheDatabaseWentBack(t *testing.T) {
	t.Parallel()
	rep := losing(t, false, true)
	if !rep.Clean || rep.FailOvers != 1 || rep.Undone == 0 || rep.UndoneFor == 0 || rep.Forfeited == 0 || rep.Anew < 10 || rep.Stored == 0 {
		t.Errorf("%+v", rep)
	}
}

func TestALossInSilenceIsFound(t *testing.T) {
	t.Parallel()
	if rep := losing(t, true, true); rep.Lost.Count == 0 || !strings.Contains(strings.Join(rep.Lost.First, "\n"), "which fail-over 1 lost") {
		t.Errorf("%+v", rep)
	}
}

func TestNothingMayBeLostWhereNobodyKnowsOfAFailOver(t *testing.T) {
	t.Parallel()
	if rep := losing(t, false, false); rep.Lost.Count == 0 || !strings.Contains(strings.Join(rep.Lost.First, "\n"), "was told that its room went back") {
		t.Errorf("%+v", rep)
	}
}

func TestWhatIsReadAgainMustBeReadable(t *testing.T) {
	t.Parallel()
	cfg := config(start(t, benchtest.Faults{}))
	cfg.Losses = &goneBack{}
	if _, err := verify.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "events") {
		t.Errorf("%v", err)
	}
}
