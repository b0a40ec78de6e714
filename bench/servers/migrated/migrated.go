// Package migrated makes databases for tests, whose schema is up to date. Each is a copy of
// one that was migrated once, which takes a tenth of the time.
package migrated

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/migrations"
)

// Postgres makes a database on a server, which is dropped after the test, and returns its
// postgres:// URL.
func Postgres(t testing.TB, s *pgserver.Server) string {
	t.Helper()
	return s.Copy(t, "migrated", func(url string) error {
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		_, _, err = migrations.Up(context.Background(), db, migrations.Postgres, slog.New(slog.DiscardHandler))
		return errors.Join(err, db.Close())
	})
}
