package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestFrozenNodeLosesItsRooms: a node is stopped in the midst of what it sends, while
// its kernel goes on answering for it. Its locks must not outlast the others' patience.
func TestFrozenNodeLosesItsRooms(t *testing.T) {
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
			time.Sleep(100 * time.Millisecond) // until the lock is held

			f.wait.transaction = 4 * time.Second
			start := time.Now()
			f.mustAppend(f.send(0, "of another node"))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the frozen node held its room for %v", took)
			}
			f.mustStand(0, 2)
		})
	}
}
