package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

var _ persist.Rows = (*Store)(nil)

// numbered writes the arguments of a statement as PostgreSQL has them.
func numbered(statement string) string { return strings.ReplaceAll(statement, "?", "$") }

// Change implements persist.Rows.
func (s *Store) Change(ctx context.Context, change func(run persist.Run) error) error {
	var own error // of the caller's, which says nothing of the database
	err := pgx.BeginFunc(ctx, s.writers, func(tx pgx.Tx) error {
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
	return fault("change of the application's rows", err)
}

// List implements persist.Rows.
func (s *Store) List(ctx context.Context, statement string, args []any, yield func(scan func(...any) error) error) error {
	rows, err := s.readers.Query(ctx, numbered(statement), args...)
	if err != nil {
		return fault("list", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := yield(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fault("list", err)
	}
	return nil
}

// Stamp implements persist.Rows.
func (s *Store) Stamp(t time.Time) any { return t }
