package postgres

import (
	"testing"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t, pgserver.Alike)
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
	p := newPair(t)
	makeReadOnly(t, p.old, "on")
	t.Cleanup(func() { makeReadOnly(t, p.old, "off") }) // or its database could not be dropped
	p.mustNotStore(p.send(0, "refused by the old one"))
	p.promote()
	p.mustAppend(p.send(0, "of the next one"))
	p.mustStand(0, 2)
	if p.count(p.old) != "1" || p.count(p.next) != "2" {
		t.Errorf("the old one has %s messages, the next one %s", p.count(p.old), p.count(p.next))
	}
}

func makeReadOnly(t *testing.T, pg *pgserver.Server, to string) {
	t.Helper()
	if err := pg.Set("default_transaction_read_only", to); err != nil {
		t.Fatal(err)
	}
}
