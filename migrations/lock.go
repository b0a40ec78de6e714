package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// lockID is the advisory lock that a migrating node holds: "caravan" in ASCII.
const lockID int64 = 0x63617261_76616e00

const unlockTimeout = 5 * time.Second

// lock waits for its turn among the nodes that migrate this PostgreSQL database.
// The lock belongs to a session of its own, so it falls when that breaks;
// goose's own locker would poll, and only after it made its version table.
func lock(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockID); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("wait for the migration lock: %w", err)
	}
	return func() {
		// Where unlocking fails the session is broken, and the lock with it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		_, _ = conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", lockID)
		_ = conn.Close()
	}, nil
}
