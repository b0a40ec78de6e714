package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/caravan-chat/caravan/persist"
)

var (
	_ persist.Rows = (*Store)(nil)
	_ persist.Rows = (*Seeder)(nil)
)

// Change implements persist.Rows.
func (s *Store) Change(ctx context.Context, change func(run persist.Run) error) error {
	return changeRows(ctx, s.writer, change)
}

// List implements persist.Rows.
func (s *Store) List(ctx context.Context, statement string, args []any, yield func(scan func(...any) error) error) error {
	return listRows(ctx, s.bulk.db, statement, args, yield)
}

// Stamp implements persist.Rows.
func (s *Store) Stamp(t time.Time) any { return formatStamp(t) }

// Change implements persist.Rows.
func (s *Seeder) Change(ctx context.Context, change func(run persist.Run) error) error {
	return changeRows(ctx, s.writer, change)
}

// List implements persist.Rows.
func (s *Seeder) List(ctx context.Context, statement string, args []any, yield func(scan func(...any) error) error) error {
	return listRows(ctx, s.writer, statement, args, yield)
}

// Stamp implements persist.Rows.
func (s *Seeder) Stamp(t time.Time) any { return formatStamp(t) }

func changeRows(ctx context.Context, writer *sql.DB, change func(run persist.Run) error) error {
	var failed, own error // of a statement; of the caller's, which says nothing of the database
	err := writeAll(ctx, writer, func(tx *sql.Tx) error {
		own = change(func(statement string, args ...any) (rows int64, err error) {
			defer func() { failed = errors.Join(failed, err) }()
			if isQuery(statement) {
				return count(ctx, tx, statement, args)
			}
			result, err := tx.ExecContext(ctx, statement, args...)
			if err != nil {
				return 0, err
			}
			return result.RowsAffected()
		})
		return own
	})
	switch {
	case failed != nil:
		err = failed
	case own != nil || err == nil:
		return own
	}
	return noTables(err, notWritten("change of the application's rows", err))
}

// noTables adds to a fault that err was of a table that is not there.
func noTables(err, fault error) error {
	if resultCode(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such table: ") {
		return fmt.Errorf("%w: %w", persist.ErrNoTables, fault)
	}
	return fault
}

// isQuery says whether a statement finds rows and changes none.
func isQuery(statement string) bool { return len(statement) > 6 && statement[:6] == "SELECT" }

// count returns how many rows a statement finds.
func count(ctx context.Context, tx *sql.Tx, statement string, args []any) (n int64, err error) {
	rows, err := tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

func listRows(ctx context.Context, db *sql.DB, statement string, args []any, yield func(scan func(...any) error) error) error {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return noTables(err, unreachable(err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := yield(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return unreachable(err)
	}
	return nil
}
