package migrations

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"
)

// TestAMigrationThatTakesLongSaysSo, from its beginning until its end.
func TestAMigrationThatTakesLongSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		end := tellProgress(slog.New(slog.NewTextHandler(&lines, nil)), 17, 20)
		time.Sleep(2*goesOnEvery + time.Second)
		end()
		time.Sleep(goesOnEvery)
		told := lines.String()
		if n := strings.Count(told, "to be migrated"); n != 1 {
			t.Errorf("the beginning was told %d times", n)
		}
		if n := strings.Count(told, "still being migrated"); n != 2 || !strings.Contains(told, "since=1m0s") {
			t.Errorf("that it goes on was told %d times:\n%s", n, told)
		}
	})
}

// TestOnlyAMigrationSaysThatItBegins: a new database and one that is up to date do not.
func TestOnlyAMigrationSaysThatItBegins(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "caravan.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	told := func() string {
		t.Helper()
		var lines bytes.Buffer
		if _, _, err := Up(t.Context(), db, SQLite, slog.New(slog.NewTextHandler(&lines, nil))); err != nil {
			t.Fatal(err)
		}
		return lines.String()
	}
	for _, state := range []string{"new", "up to date"} {
		if lines := told(); strings.Contains(lines, "to be migrated") {
			t.Errorf("%s: %s", state, lines)
		}
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM caravan_schema_version WHERE version_id >= 20"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DROP INDEX caravan_messages_client_key"); err != nil {
		t.Fatal(err)
	}
	begin, end, found := strings.Cut(told(), "to be migrated")
	if !found || strings.Contains(begin, "schema migrated") || !strings.Contains(end, "from=19 to=20") || !strings.Contains(end, "schema migrated") {
		t.Errorf("of a former version: %s%s", begin, end)
	}
}
