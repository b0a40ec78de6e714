package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
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

// A step takes a table that is written for itself for an instant. It gives up waiting for
// it after its lock_timeout, because all who come after it wait as well, and is tried again.
const (
	lockPause    = 500 * time.Millisecond // for those who came meanwhile
	lockLogEvery = time.Minute
)

// untilLocked calls do again and again while somebody else holds a lock that it needs.
func untilLocked(ctx context.Context, log *slog.Logger, do func() error) error {
	var logged time.Time
	for {
		err := do()
		if !locked(err) {
			return err
		}
		if time.Since(logged) >= lockLogEvery {
			log.Warn("somebody holds a table that is to be changed (a long transaction, a VACUUM, a dump): it is tried again until that ends", "error", err)
			logged = time.Now()
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		}
	}
}

// locked reports whether PostgreSQL gave up waiting for a lock: lock_not_available, or
// deadlock_detected.
func locked(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && (state.SQLState() == "55P03" || state.SQLState() == "40P01")
}
