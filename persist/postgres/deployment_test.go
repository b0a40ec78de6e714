package postgres

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestCopyOfADatabaseIsAnotherDeployment copies a database as staging often gets one,
// with the id that is stored in it.
func TestCopyOfADatabaseIsAnotherDeployment(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	run := func(sql string) {
		t.Helper()
		if _, err := server.Exec("postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	of := func(url string) (id uuid.UUID) {
		t.Helper()
		s, err := Open(t.Context(), Config{URL: url, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil { // before the database is copied
				t.Error(err)
			}
		}()
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if id, err = s.Deployment(t.Context()); err != nil {
			t.Fatal(err)
		}
		return id
	}
	run("CREATE DATABASE production")
	production := of(server.URL("production"))
	run("CREATE DATABASE staging TEMPLATE production")
	if staging := of(server.URL("staging")); staging == production || staging.Version() != 8 {
		t.Errorf("the copy is of the same deployment %v", staging)
	}
	if again := of(server.URL("production")); again != production {
		t.Errorf("the original was of %v, and is of %v", production, again)
	}
	// Where the role may not read what the cluster is, the database still tells them apart.
	run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
	run("CREATE ROLE app LOGIN")
	for _, database := range []string{"production", "staging"} {
		run("GRANT ALL ON DATABASE " + database + " TO app")
		if _, err := server.Exec(database, "GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON SCHEMA public TO app"); err != nil {
			t.Fatal(err)
		}
	}
	as := func(database string) uuid.UUID {
		t.Helper()
		s, err := Open(t.Context(), Config{URL: strings.Replace(server.URL(database), "://postgres@", "://app@", 1), Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		id, err := s.Deployment(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if a, b := as("production"), as("staging"); a == b || a != as("production") {
		t.Errorf("without the right to read it: %v and %v", a, b)
	}
}
