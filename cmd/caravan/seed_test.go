package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// An application's users may have columns of its own that must have a value.
func TestSeedSaysWhichColumnItCannotFillIn(t *testing.T) {
	t.Parallel()
	const users = `CREATE TABLE users (id %s PRIMARY KEY, email text NOT NULL, username text NOT NULL,
		first_name text NOT NULL, last_name text NOT NULL, password text NOT NULL)`
	path := filepath.Join(t.TempDir(), "caravan.db")
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Exec(strings.Replace(users, "%s", "text", 1)); err != nil {
		t.Fatal(err)
	}
	url := pgserver.Shared(t).Database(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), strings.Replace(users, "%s", "uuid", 1)); err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{"sqlite:" + path, url} {
		got := caravan(t, nil, "seed", "--users", "7", "--trips", "3", "--database", database, "--log-level", "error")
		if got.status != 1 || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("status %d, stdout %s, stderr %s", got.status, got.stdout, got.stderr)
		}
		for _, part := range []string{"caravan seed: ", "users", "password", "give the others a default"} {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("no %q in %s", part, got.stderr)
			}
		}
	}
}
