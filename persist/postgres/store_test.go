package postgres

import (
	"log/slog"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist/storetest"
)

var quiet = slog.New(slog.DiscardHandler)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (storetest.Store, func(string)) {
		f := &fleet{t: t, url: migrated.Postgres(t, pgserver.Shared(t))}
		return openStore(t, Config{URL: f.url, Log: quiet}), func(sql string) {
			t.Helper()
			f.exec(sql)
		}
	})
}

// TestTwoStores: two nodes on one database do different things with one message.
func TestTwoStores(t *testing.T) {
	t.Parallel()
	storetest.RunTwo(t, func(t *testing.T) (one, other storetest.Store, application func(string)) {
		f := &fleet{t: t, url: migrated.Postgres(t, pgserver.Shared(t))}
		cfg := Config{URL: f.url, Log: quiet}
		return openStore(t, cfg), openStore(t, cfg), func(sql string) {
			t.Helper()
			f.exec(sql)
		}
	})
}

// openStore opens and migrates a store that ends with the test.
func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
