package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestFrozenNodeLosesItsRooms: a node is stopped in the midst of what it sends, while
// its kernel goes on answering for it. Its locks must not outlast the others' waits.
func TestFrozenNodeLosesItsRooms(t *testing.T) {
	t.Parallel()
	const lock = "SELECT FROM chat_rooms WHERE id = '%s' FOR NO KEY UPDATE"
	for _, within := range []struct {
		name string
		send func(to *pgproto3.Frontend, lock string)
	}{
		{"between round trips", func(to *pgproto3.Frontend, lock string) {
			to.Send(&pgproto3.Query{String: "BEGIN; " + lock})
		}},
		{"COPY", func(to *pgproto3.Frontend, lock string) {
			to.Send(&pgproto3.Query{String: "BEGIN; " + lock + "; " + copyMessages})
			to.Send(&pgproto3.CopyData{Data: appendCopy(nil, nil)[:19]})
		}},
		{"statements", func(to *pgproto3.Frontend, lock string) {
			for _, sql := range []string{begin, lock} {
				to.Send(&pgproto3.Parse{Query: sql})
				to.Send(&pgproto3.Bind{})
				to.Send(&pgproto3.Execute{})
			}
			to.Send(&pgproto3.Flush{})
		}},
	} {
		t.Run(within.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: pgserver.Shared(t).Database(t)}, 1)
			f.mustAppend(f.send(0, "before"))
			conn, err := f.writers.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			frozen := conn.Hijack().PgConn()
			defer frozen.Conn().Close()
			within.send(frozen.Frontend(), fmt.Sprintf(lock, f.rooms[0]))
			if err := frozen.Frontend().Flush(); err != nil {
				t.Fatal(err)
			}
			await.Until(t, "the frozen node has locked its room", func() (locked bool) {
				const sql = "SELECT backend_xid IS NOT NULL AND wait_event IS NOT DISTINCT FROM 'ClientRead' FROM pg_stat_activity WHERE pid = $1"
				if err := f.readers.QueryRow(t.Context(), sql, frozen.PID()).Scan(&locked); err != nil {
					t.Fatal(err)
				}
				return locked
			})

			f.wait.transaction = 4 * time.Second
			f.mustAppend(f.send(0, "of another node"))
			f.mustStand(0, 2)
		})
	}
}
