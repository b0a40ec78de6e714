package migrations

import (
	"context"
	"database/sql"
	"fmt"
)

// adoptSQLite gives the tables of the service that Caravan replaces the columns
// that they lack. SQLite has no ADD COLUMN IF NOT EXISTS, hence no SQL file.
func adoptSQLite(ctx context.Context, tx *sql.Tx) error {
	for _, c := range []struct{ table, column, definition string }{
		{"chat_rooms", "last_seq", "INTEGER NOT NULL DEFAULT 0"},
		{"chat_messages", "seq", "INTEGER"},
		{"chat_messages", "rev", "INTEGER"},
		{"chat_messages", "client_id", "TEXT"},
	} {
		var table, column bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1)),
			EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)`, c.table, c.column).Scan(&table, &column)
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
