package postgres

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestHeadIsOfAServerThatTakesWrites: a former primary may lag behind what was told,
// which must not look like a database that has lost it.
func TestHeadIsOfAServerThatTakesWrites(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	op := f.send(0, "x")
	f.mustAppend(op)
	if head, exists, err := f.Head(t.Context(), op.Room); head != 1 || !exists || err != nil {
		t.Errorf("%d, %v, %v", head, exists, err)
	}
	if _, exists, err := f.Head(t.Context(), uuid.New()); exists || err != nil {
		t.Errorf("no such room: %v, %v", exists, err)
	}
	f.exec(fmt.Sprintf("ALTER DATABASE %s SET default_transaction_read_only = on", f.session().Config().Database))
	f.writers.Reset()
	if head, _, err := f.Head(t.Context(), op.Room); err == nil {
		t.Errorf("a read-only server says %d", head)
	}
}
