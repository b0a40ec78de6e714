package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// TestOnlyWhatWasThereBeforeTheCutIsEnded: after a crash the number of the
// transaction that was cut may be another's, who only thinks for a moment.
func TestOnlyWhatWasThereBeforeTheCutIsEnded(t *testing.T) {
	f := newFleet(t, Config{URL: pgserver.Shared(t).Database(t)}, 1)
	f.wait.abandoned = 0
	plan := &persist.Plan{Inserts: []*protocol.Message{{ID: uuid.New()}}}
	before := time.Now()
	time.Sleep(100 * time.Millisecond)
	other := f.session()
	mustExec(t, other, "BEGIN")
	var xact uint64
	if err := other.QueryRow(t.Context(), "SELECT pg_current_xact_id()").Scan(&xact); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	for range 3 {
		if _, ended, err := f.askOutcome(t.Context(), xact, plan, before); err != nil || ended {
			t.Fatal(ended, err)
		}
	}
	if err := other.Ping(t.Context()); err != nil {
		t.Fatalf("a session younger than the cut was ended: %v", err)
	}
	if _, _, err := f.askOutcome(t.Context(), xact, plan, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := other.Ping(t.Context()); err == nil {
		t.Error("what was abandoned goes on")
	}
}
