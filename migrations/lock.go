package migrations

import (
	"context"
	"database/sql"
	"fmt"
)

// lockID is the advisory lock that a migrating node holds: "caravan" in ASCII.
const lockID int64 = 0x63617261_76616e00

// lock waits for its turn among the nodes that migrate this PostgreSQL database.
// The lock belongs to a transaction of its own that does nothing else: it falls
// when the connection breaks, and a pooler that gives each transaction another
// connection leaves it alone. goose's own locker would poll, and only after it made
// its version table.
func lock(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = tx.Rollback() } // where that fails the connection is broken, and the lock with it
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{"SET LOCAL idle_in_transaction_session_timeout = 0", nil},
		{"SELECT pg_advisory_xact_lock($1)", []any{lockID}},
	} {
		if _, err := tx.ExecContext(ctx, step.sql, step.args...); err != nil {
			unlock()
			return nil, fmt.Errorf("wait for the migration lock: %w", err)
		}
	}
	return unlock, nil
}
