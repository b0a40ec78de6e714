package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"
)

// index is one of chat_messages that is made while messages are written.
type index struct {
	name, columns string
	where         string // empty: every row is in it
	unique        bool
}

var indexes = []index{
	{name: "caravan_messages_pinned", columns: "chat_room_id, pinned_at", where: "pinned_at IS NOT NULL"},
	{name: "caravan_messages_reply", columns: "reply_to_id, seq", where: "reply_to_id IS NOT NULL"},
}

// indexLockID is the advisory lock that a node holds while it makes indexes. It is not
// lockID: CREATE INDEX CONCURRENTLY waits for all who have a snapshot, as those have who
// wait for a lock in a statement.
const indexLockID = lockID + 1

// indexLockPause is how long a node waits before it asks for that lock again.
const indexLockPause = 100 * time.Millisecond

// makeIndexes makes the indexes that are missing. It is no numbered step, because it may
// end half-way, and then goes on at the next start.
func makeIndexes(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	tables, err := messageTables(ctx, db)
	if err != nil {
		return err
	}
	if missing, err := missingIndexes(ctx, db, tables, indexes); err != nil || len(missing) == 0 {
		return err
	}
	unlock, err := lockIndexes(ctx, db)
	if err != nil {
		return fmt.Errorf("wait for the lock of indexes: %w", err)
	}
	defer unlock()
	missing, err := missingIndexes(ctx, db, tables, indexes)
	if err != nil {
		return err
	}
	return makeEach(ctx, db, log, missing)
}

// makeEach makes indexes, one after another.
func makeEach(ctx context.Context, db *sql.DB, log *slog.Logger, missing []missingIndex) error {
	for _, m := range missing {
		start := time.Now()
		if err := untilLocked(ctx, log, func() error { return m.make(ctx, db) }); err != nil {
			return fmt.Errorf("make an index: %w", err)
		}
		log.Info("index made", "index", m.name, "table", m.table.name, "took", time.Since(start))
	}
	return nil
}

// messageTable is chat_messages, or a part of it.
type messageTable struct {
	id    int64
	name  string // quoted, with its schema where it needs one
	whole bool   // chat_messages itself
	parts bool   // it holds no rows: its partitions do
}

// messageTables returns the tables that hold messages, and then chat_messages where that
// is only a name for them.
func messageTables(ctx context.Context, db *sql.DB) (all []messageTable, err error) {
	rows, err := db.QueryContext(ctx, `SELECT c.oid, c.oid::regclass::text, c.oid = 'chat_messages'::regclass, c.relkind = 'p' FROM pg_class c
		WHERE c.oid = 'chat_messages'::regclass OR c.relkind = 'r' AND c.oid IN (SELECT relid FROM pg_partition_tree('chat_messages'))
		ORDER BY c.oid = 'chat_messages'::regclass, c.oid`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t messageTable
		if err := rows.Scan(&t.id, &t.name, &t.whole, &t.parts); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// missingIndex is an index that a table lacks, or that somebody began to make.
type missingIndex struct {
	index
	table messageTable
	begun string // its name, quoted; empty: it is not there
}

func missingIndexes(ctx context.Context, db *sql.DB, tables []messageTable, wanted []index) (missing []missingIndex, err error) {
	for _, i := range wanted {
		for _, t := range tables {
			m := missingIndex{index: i, table: t}
			if !t.whole {
				m.name = fmt.Sprintf("%s_%d", i.name, t.id)
			}
			var valid bool
			err := db.QueryRowContext(ctx, `SELECT coalesce(max(c.oid::regclass::text), ''), coalesce(bool_and(i.indisvalid), false)
				FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1 AND c.relname = $2`, t.id, m.name).Scan(&m.begun, &valid)
			if err != nil {
				return nil, err
			}
			if !valid {
				missing = append(missing, m)
			}
		}
	}
	return missing, nil
}

// make makes the index. A table with partitions takes over what those have: that is done in
// an instant, but not concurrently, so it waits only shortly for those who write.
func (m *missingIndex) make(ctx context.Context, db *sql.DB) error {
	concurrently, before := "CONCURRENTLY", ""
	if m.table.parts {
		concurrently, before = "", "SET LOCAL lock_timeout = '500ms'; " // of the one transaction that both statements are
	}
	if m.begun != "" {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("%sDROP INDEX %s %s", before, concurrently, m.begun)); err != nil {
			return err
		}
	}
	kind, where := "INDEX", ""
	if m.unique {
		kind = "UNIQUE INDEX"
	}
	if m.where != "" {
		where = " WHERE " + m.where
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("%sCREATE %s %s %s ON %s (%s)%s", before, kind, concurrently, m.name, m.table.name, m.columns, where))
	return err
}

// lockIndexes waits for its turn. Who waits holds no snapshot.
func lockIndexes(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	for {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		unlock = func() { _ = tx.Rollback() } // where that fails the connection is broken, and the lock with it
		var locked bool
		err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", indexLockID).Scan(&locked)
		if err == nil && locked {
			// The portal of a SELECT would keep its snapshot.
			_, err = tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0")
		}
		if err == nil && locked {
			return unlock, nil
		}
		unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(indexLockPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
