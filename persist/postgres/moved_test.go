package postgres

import (
	"errors"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestADatabaseOfAnotherClusterIsRefusedUnlessToldSo: a dump that was restored, as for
// staging or a move to another server, has the note of the cluster that it was taken from.
func TestADatabaseOfAnotherClusterIsRefusedUnlessToldSo(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	migrate := func(moved bool) error {
		t.Helper()
		s, err := Open(t.Context(), Config{URL: f.url, Moved: moved, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(s.Migrate(t.Context()), s.Close())
	}
	for _, c := range []struct {
		before         string
		moved, refused bool
	}{
		{"", false, false},
		{"UPDATE chat_deployment SET cluster = 1", false, true},
		{"", false, true},
		{"", true, false},
		{"", false, false},
		{"UPDATE chat_deployment SET cluster = NULL", false, false}, // of a build before this
		{"DELETE FROM chat_deployment", false, false},
	} {
		if c.before != "" {
			f.exec(c.before)
		}
		err := migrate(c.moved)
		if errors.Is(err, ErrMoved) != c.refused || errors.Is(err, room.ErrStoreDown) || err != nil && !c.refused {
			t.Errorf("%+v: %v", c, err)
		}
	}
	f.exec("UPDATE chat_deployment SET cluster = NULL")
	f.exec("ALTER DATABASE " + f.session().Config().Database + " SET default_transaction_read_only = on")
	if err := migrate(false); err != nil {
		t.Errorf("read-only: %v", err)
	}
}
