package postgres

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t)
	f := newFleet(t, Config{URL: pg.Database(t)}, 1)
	f.mustAppend(f.send(0, "before"))
	makeReadOnly(t, pg, "on")
	for range 3 { // on the connection that was there, and on new ones
		f.mustNotStore(f.send(0, "x"))
	}
	f.mustStand(0, 1)
	makeReadOnly(t, pg, "off")
	f.mustAppend(f.send(0, "y"))
	f.mustStand(0, 2)
}

// TestPrimaryThatTurnsReadOnlyIsLeft: it keeps all its connections, as a primary
// does that is fenced before another takes over, and the URL names both.
func TestPrimaryThatTurnsReadOnlyIsLeft(t *testing.T) {
	t.Parallel()
	old, next := pgserver.Start(t), pgserver.Start(t)
	both, err := url.Parse(old.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(both.Path, "/")
	if _, err := next.Exec("postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	// The room has another id there, which tells who answers.
	if err := openStore(t, Config{URL: next.URL(name), Log: quiet}).Seed(t.Context(), persist.Fleet(1, 1)); err != nil {
		t.Fatal(err)
	}
	both.Host = fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", old.Port(), next.Port())
	both.RawQuery += "&target_session_attrs=read-write"
	f := newFleet(t, Config{URL: both.String()}, 1)
	f.mustAppend(f.send(0, "of the old one"))

	makeReadOnly(t, old, "on")
	t.Cleanup(func() { makeReadOnly(t, old, "off") }) // or its database could not be dropped
	f.mustNotStore(f.send(0, "refused by the old one"))
	op := f.send(0, "of the next one")
	if err := f.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Err != persist.ErrUnknownRoom {
		t.Errorf("messages go to the old one: outcome %d, %v", op.Outcome, err)
	}
	if heads, err := f.Heads(t.Context(), f.rooms); err != nil || heads[0].Seq != 0 {
		t.Errorf("the old one is read: %v, %v", heads, err)
	}
}

func makeReadOnly(t *testing.T, pg *pgserver.Server, to string) {
	t.Helper()
	if err := pg.Set("default_transaction_read_only", to); err != nil {
		t.Fatal(err)
	}
}
