package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestUsersTripsAndMembersComeByCommands, on both stores.
func TestUsersTripsAndMembersComeByCommands(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{"sqlite": "sqlite:" + t.TempDir() + "/caravan.db", "postgres": pgserver.Shared(t).Database(t)} {
		t.Run(name, func(t *testing.T) {
			does := func(status int, args ...string) string {
				t.Helper()
				got := caravan(t, []string{"CARAVAN_DATABASE=" + database, "CARAVAN_LOG_LEVEL=error"}, args...)
				if got.status != status || status != 0 && strings.Count(got.stderr, "\n") != 1 {
					t.Fatalf("%q: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
				}
				return strings.TrimSpace(got.stdout) + got.stderr
			}
			for _, looked := range [][]string{{"user", "list"}, {"user", "remove", uuid.NewString()}, {"member", "add", "--trip", uuid.NewString(), "--user", uuid.NewString()},
				{"attachments", "check", "--attachments", "file:" + noFiles(t)}} {
				if got := does(1, looked...); !strings.Contains(got, "there are no tables") {
					t.Errorf("%q of nothing: %s", looked, got)
				}
			}
			if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
				if made, err := os.ReadDir(filepath.Dir(path)); err != nil || len(made) > 0 {
					t.Errorf("who only looked has made %v, %v", made, err)
				}
			}
			first := caravan(t, []string{"CARAVAN_DATABASE=" + database}, "user", "add", "--email", "amina@example.com", "--first-name", "Amina")
			if first.status != 0 || strings.Count(first.stderr, "schema migrated") != 1 {
				t.Fatalf("status %d\n%s", first.status, first.stderr)
			}
			amina := strings.TrimSpace(first.stdout)
			jonas := does(0, "user", "add", "--email", "jonas@example.com", "--username", "jo", "--id", uuid.NewString())
			if got := does(1, "user", "add", "--email", "JONAS@example.com"); !strings.Contains(got, "there is a user") {
				t.Errorf("%s", got)
			}
			trip := does(0, "trip", "add", "--title", "Lisbon to Marrakesh", "--owner", amina)
			does(0, "member", "add", "--trip", trip, "--user", jonas)
			var members struct {
				Members []struct{ UserID, Email, Role string }
			}
			text := strings.ReplaceAll(does(0, "member", "list", "--trip", trip, "--json"), "user_id", "userid")
			if err := json.Unmarshal([]byte(text), &members); err != nil || len(members.Members) != 2 || members.Members[0].Role != "owner" || members.Members[1].UserID != jonas {
				t.Errorf("%v: %s", err, text)
			}
			if got := does(0, "user", "list"); !strings.HasPrefix(got, "ID") || !strings.Contains(got, "amina@example.com") || !strings.Contains(got, "jo") {
				t.Errorf("%s", got)
			}
			if got := does(0, "trip", "list", "--json"); !strings.Contains(got, trip) || !json.Valid([]byte(got)) {
				t.Errorf("%s", got)
			}
			does(0, "member", "remove", "--trip", trip, "--user", jonas)
			if got := does(1, "member", "remove", "--trip", trip, "--user", jonas); !strings.Contains(got, "no such member") {
				t.Errorf("%s", got)
			}
			does(0, "user", "remove", jonas)
			does(0, "trip", "remove", "--id", trip)
			if got := does(1, "trip", "remove", trip); !strings.Contains(got, "no such trip") {
				t.Errorf("%s", got)
			}
			for _, wrong := range [][]string{
				{"user", "add"}, {"user", "add", "--email", "x"}, {"user", "remove"}, {"user", "remove", amina, jonas}, {"user", "add", "--email", "a@b\nc"},
				{"trip", "add"}, {"trip", "remove", "7"}, {"user", "remove", uuid.Nil.String()}, {"member", "add", "--trip", trip}, {"member", "add", "--user", amina},
				{"member", "add", "--trip", trip, "--user", amina, "--role", " "}, {"member", "list"},
			} {
				does(2, wrong...)
			}
		})
	}
}

// noFiles returns a directory of files that has none.
func noFiles(t *testing.T) string {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCommandsAboutPeopleMigrateNothing: nodes of another release may be at work on the database.
func TestCommandsAboutPeopleMigrateNothing(t *testing.T) {
	t.Parallel()
	path, url := filepath.Join(t.TempDir(), "caravan.db"), pgserver.Shared(t).Database(t)
	for _, store := range []struct{ driver, at, database, idType, tables string }{
		{"sqlite", path, "sqlite:" + path, "text", "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"},
		{"pgx", url, url, "uuid", "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"},
	} {
		db, err := sql.Open(store.driver, store.at)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, table := range []string{
			"users (id ID PRIMARY KEY, email text, username text, first_name text, last_name text)",
			"trips (id ID PRIMARY KEY, title text, created_at timestamp)",
			"collaborators (trip_id ID, user_id ID, role text, created_at timestamp)",
		} {
			if _, err := db.Exec("CREATE TABLE " + strings.ReplaceAll(table, "ID", store.idType)); err != nil {
				t.Fatal(err)
			}
		}
		user, trip := uuid.NewString(), uuid.NewString()
		for _, args := range [][]string{
			{"user", "add", "--email", "amina@example.com", "--id", user}, {"user", "list"}, {"trip", "add", "--title", "Rome", "--id", trip}, {"trip", "list"},
			{"member", "add", "--trip", trip, "--user", user}, {"member", "list", "--trip", trip},
			{"member", "remove", "--trip", trip, "--user", user}, {"trip", "remove", trip}, {"user", "remove", user},
		} {
			if got := caravan(t, []string{"CARAVAN_DATABASE=" + store.database}, args...); got.status != exitOK {
				t.Errorf("%s %q: %+v", store.driver, args, got)
			}
		}
		if got := caravan(t, nil, "attachments", "check", "--database", store.database, "--attachments", "file:"+noFiles(t)); got.status != exitFailed || !strings.Contains(got.stderr, "there are no tables") {
			t.Errorf("%s: a check of files: %+v", store.driver, got)
		}
		var tables int
		if err := db.QueryRow(store.tables).Scan(&tables); err != nil || tables != 3 {
			t.Errorf("%s has %d tables in place of 3: %v", store.driver, tables, err)
		}
	}
}
