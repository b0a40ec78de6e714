package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

func TestAPanicLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	for name, panics := range map[string]func(){
		"append": func() { _, _, _ = f.run(t.Context(), []*room.Op{nil}, persist.Commit, persist.Limits{}) },
		"snapshot": func() {
			_ = f.inSnapshot(t.Context(), f.bulk, func(tx pgx.Tx) error {
				return pgx.BeginFunc(t.Context(), tx, func(pgx.Tx) error { panic("in a test") })
			})
		},
		"look-up": func() {
			l := persist.NewLookup([]*room.Op{f.send(0, "x")})
			conn, err := f.writers.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			l.Keys = make([]persist.ClientKey, 1)
			_, _, _ = f.lookUp(t.Context(), conn.Conn(), l)
			panic("in a test")
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			panics()
		}()
	}
	await.Until(t, "all connections are given back", func() bool {
		return f.writers.Stat().AcquiredConns()+f.readers.Stat().AcquiredConns()+f.bulk.Stat().AcquiredConns() == 0
	})
	session := f.session()
	await.Until(t, "the server has ended the transactions", func() bool {
		var within int
		err := session.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'").Scan(&within)
		return err == nil && within == 0
	})
	f.mustAppend(f.send(0, "after"))
}
