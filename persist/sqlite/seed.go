package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/caravan-chat/caravan/migrations"
	"github.com/caravan-chat/caravan/persist"
)

// Seed implements persist.Seeder.
func (s *Store) Seed(ctx context.Context, seeds *persist.Seeds) error {
	return seed(ctx, s.writer, seeds)
}

// Seeder writes the application's rows into a file that a Store may own, in this
// process or another.
type Seeder struct {
	owner  *ownership // nil: there is another one
	writer *sql.DB
}

// OpenSeeder opens the SQLite file at path for seeding. Where nobody owns it, it
// is made and migrated as Open does, and owned until Close; otherwise its owner
// has done so.
func OpenSeeder(ctx context.Context, path string, log *slog.Logger) (*Seeder, error) {
	s := &Seeder{}
	if err := s.open(ctx, path, log); err != nil {
		return nil, errors.Join(notOpened(path, err), s.Close())
	}
	return s, nil
}

func (s *Seeder) open(ctx context.Context, path string, log *slog.Logger) error {
	path, err := makePath(path)
	if err != nil {
		return err
	}
	s.owner, err = own(path)
	inUse := errors.Is(err, ErrInUse)
	if err != nil && !inUse {
		return err
	}
	if s.writer, err = connectWriter(path, cacheBytesMax); err != nil || inUse {
		return err
	}
	_, _, err = migrations.Up(ctx, s.writer, migrations.SQLite, log)
	return err
}

// Seed implements persist.Seeder.
func (s *Seeder) Seed(ctx context.Context, seeds *persist.Seeds) error {
	return seed(ctx, s.writer, seeds)
}

// Close closes the file.
func (s *Seeder) Close() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.owner != nil {
		errs = append(errs, s.owner.Close())
	}
	return errors.Join(errs...)
}

func seed(ctx context.Context, writer *sql.DB, seeds *persist.Seeds) error {
	err := writeAll(ctx, writer, func(tx *sql.Tx) error {
		now := formatStamp(time.Now())
		if err := insertAll(ctx, tx, `INSERT INTO users (id, email, username, first_name, last_name) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			len(seeds.Users), func(i int) []any {
				u := &seeds.Users[i]
				return []any{u.ID.String(), u.Email, u.Username, u.FirstName, u.LastName}
			}); err != nil {
			return err
		}
		if err := insertAll(ctx, tx, `INSERT INTO trips (id, title, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			len(seeds.Trips), func(i int) []any {
				t := &seeds.Trips[i]
				return []any{t.ID.String(), t.Title, now}
			}); err != nil {
			return err
		}
		// An adopted table may lack the unique key that would make ON CONFLICT enough.
		return insertAll(ctx, tx, `INSERT INTO collaborators (trip_id, user_id, role, created_at) SELECT ?1, ?2, ?3, ?4
			WHERE NOT EXISTS (SELECT 1 FROM collaborators WHERE trip_id = ?1 AND user_id = ?2)`,
			len(seeds.Collaborators), func(i int) []any {
				c := &seeds.Collaborators[i]
				return []any{c.Trip.String(), c.User.String(), c.Role, now}
			})
	})
	if err == nil {
		return nil
	}
	return notWritten("seed", err)
}

// notWritten is the error of rows of the application that could not be written.
func notWritten(what string, err error) error {
	err = fmt.Errorf("sqlite: %s: %w", what, err)
	if primary(resultCode(err)) == sqlite3.SQLITE_CONSTRAINT { // the application's own, in an adopted database
		return err
	}
	return unreachable(err)
}

// insertAll runs a statement n times with the arguments that row gives.
func insertAll(ctx context.Context, tx *sql.Tx, text string, n int, row func(i int) []any) error {
	statement, err := tx.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer statement.Close()
	for i := range n {
		if _, err := statement.Exec(row(i)...); err != nil {
			return err
		}
	}
	return nil
}
