package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

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
	var failed error // of the database
	err := writeAll(ctx, writer, func(tx *sql.Tx) error {
		return change(func(statement string, args ...any) (rows int64, err error) {
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
	})
	if failed != nil {
		return notWritten("change of the application's rows", failed)
	}
	return err
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
		return unreachable(err)
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
