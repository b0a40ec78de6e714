package postgres

import (
	"maps"
	"testing"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// What counts is what holds for the connections that write, wherever it was set.
func TestDurabilityIsThatOfTheConnectionsThatWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ synchronousCommit, urlOptions, want string }{
		"as PostgreSQL comes": {"", "", "on"},
		"of the database":     {"off", "", "off"},
		"of the URL":          {"off", "&options=-c%20synchronous_commit%3Dlocal", "local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := pgserver.Shared(t)
			database, err := server.CreateDatabase()
			if err != nil {
				t.Fatal(err)
			}
			if c.synchronousCommit != "" {
				if _, err := server.Exec("postgres", "ALTER DATABASE "+database+" SET synchronous_commit = "+c.synchronousCommit); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(t.Context(), Config{URL: server.URL(database) + c.urlOptions})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			is, err := s.Durability(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, setting := range is.Settings {
				got[setting.Name] = setting.Value
			}
			want := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": c.want, "synchronous_standby_names": ""}
			if is.Store != "postgres" || is.Version == "" || !maps.Equal(got, want) {
				t.Errorf("got %+v", is)
			}
		})
	}
}
