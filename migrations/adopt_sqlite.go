package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
)

// adoptSQLite gives the tables of the service that Caravan replaces the columns
// that they lack, and makes collaborators. SQLite has no ADD COLUMN IF NOT EXISTS and
// no condition around an index, hence no SQL file.
func adoptSQLite(ctx context.Context, tx *sql.Tx, log *slog.Logger) error {
	err := addColumnsSQLite(ctx, tx, []sqliteColumn{
		{"chat_rooms", "last_seq", "INTEGER NOT NULL DEFAULT 0"},
		{"chat_messages", "seq", "INTEGER"},
		{"chat_messages", "rev", "INTEGER"},
		{"chat_messages", "client_id", "TEXT"},
	})
	if err != nil {
		return err
	}
	return collaboratorsSQLite(ctx, tx, log)
}

// changesSQLite gives the tables what messages that change need. 00010 goes on.
func changesSQLite(ctx context.Context, tx *sql.Tx) error {
	return addColumnsSQLite(ctx, tx, []sqliteColumn{
		{"chat_rooms", "first_seq", "INTEGER NOT NULL DEFAULT 1"},
		{"chat_rooms", "slow_mode", "INTEGER NOT NULL DEFAULT 0"},
		{"chat_messages", "deleted_at", "TEXT"},
		{"chat_messages", "pinned_at", "TEXT"},
		{"chat_messages", "extra", "TEXT"},
	})
}

// clientKeySQLite gives messages the numbers of their client_ids, which 00020 indexes. Those that
// are there get none.
func clientKeySQLite(ctx context.Context, tx *sql.Tx) error {
	return addColumnsSQLite(ctx, tx, []sqliteColumn{{"chat_messages", "client_key", "INTEGER"}})
}

type sqliteColumn struct{ table, column, definition string }

// addColumnsSQLite adds those that a table, if there is one, lacks.
func addColumnsSQLite(ctx context.Context, tx *sql.Tx, columns []sqliteColumn) error {
	for _, c := range columns {
		var table, column bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1)),
			EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE)`, c.table, c.column).Scan(&table, &column)
		if err != nil {
			return err
		}
		if !table || column {
			continue
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", c.table, c.column, c.definition)); err != nil {
			return err
		}
	}
	return nil
}

// collaborators is the application's table, made only where there is no application.
const collaborators = `CREATE TABLE IF NOT EXISTS collaborators (
    trip_id    TEXT NOT NULL REFERENCES trips ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    role       TEXT NOT NULL DEFAULT 'member',
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    PRIMARY KEY (trip_id, user_id)
) WITHOUT ROWID`

// collaboratorsSQLite makes collaborators and its index, which a view cannot have.
func collaboratorsSQLite(ctx context.Context, tx *sql.Tx, log *slog.Logger) error {
	if _, err := tx.ExecContext(ctx, collaborators); err != nil {
		return err
	}
	var isTable bool
	err := tx.QueryRowContext(ctx, `SELECT type = 'table' FROM sqlite_schema
		WHERE name = 'collaborators' COLLATE NOCASE AND type IN ('table', 'view')`).Scan(&isTable)
	if err != nil {
		return err
	}
	if !isTable {
		log.Warn("collaborators is a view: see that the table behind it has an index, which every connect needs", "column", "user_id")
		return nil
	}
	_, err = tx.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS caravan_collaborators_user ON collaborators (user_id)")
	return err
}
