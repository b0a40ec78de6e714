package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// TestOnlyWhatWasThereBeforeTheCutIsEnded: after a crash the number of the
// transaction that was cut may be another's, who only thinks for a moment.
func TestOnlyWhatWasThereBeforeTheCutIsEnded(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	f.wait.abandoned = 0
	plan := &persist.Plan{Inserts: []*protocol.Message{{ID: uuid.New()}}}
	other := f.session()
	mustExec(t, other, "BEGIN")
	var xact uint64
	if err := other.QueryRow(t.Context(), "SELECT pg_current_xact_id()").Scan(&xact); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Hour)
	for range 3 {
		if found, err := f.askOutcome(t.Context(), xact, plan, before); err != nil || found.ended {
			t.Fatal(found.ended, err)
		}
	}
	if err := other.Ping(t.Context()); err != nil {
		t.Fatalf("a session younger than the cut was ended: %v", err)
	}
	if _, err := f.askOutcome(t.Context(), xact, plan, time.Now()); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "what was abandoned is ended", func() bool { return other.Ping(t.Context()) != nil })
}
