package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

var _ persist.Rows = (*Store)(nil)

// numbered writes the arguments of a statement as PostgreSQL has them.
func numbered(statement string) string { return strings.ReplaceAll(statement, "?", "$") }

// lockDirectory has those who change the application's rows by Caravan's commands take turns, so
// that what one has looked for is still so when it writes. Servers and applications do not ask
// for it.
const lockDirectory = "SELECT pg_advisory_xact_lock(hashtextextended('caravan: users, trips and collaborators', 0))"

// Change implements persist.Rows.
func (s *Store) Change(ctx context.Context, change func(run persist.Run) error) error {
	var own error // of the caller's, which says nothing of the database
	err := pgx.BeginFunc(ctx, s.writers, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockDirectory); err != nil {
			return err
		}
		var failed error
		own = change(func(statement string, args ...any) (int64, error) {
			tag, err := tx.Exec(ctx, numbered(statement), args...)
			failed = errors.Join(failed, err)
			return tag.RowsAffected(), err
		})
		if failed != nil {
			own = nil
			return failed
		}
		return own
	})
	if own != nil || err == nil {
		return own
	}
	return rowsFault("change of the application's rows", err)
}

// rowsFault is fault, and says where the tables are not there.
func rowsFault(doing string, err error) error {
	if hasCode(err, codeNoTable) {
		return fmt.Errorf("%w: %w", persist.ErrNoTables, fault(doing, err))
	}
	return fault(doing, err)
}

// List implements persist.Rows.
func (s *Store) List(ctx context.Context, statement string, args []any, yield func(scan func(...any) error) error) error {
	rows, err := s.readers.Query(ctx, numbered(statement), args...)
	if err != nil {
		return rowsFault("list", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := yield(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return rowsFault("list", err)
	}
	return nil
}

// Stamp implements persist.Rows.
func (s *Store) Stamp(t time.Time) any { return t }
