package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// firstError is the first one that the server has told a frozen node.
func firstError(t *testing.T, frozen *pgconn.PgConn) *pgproto3.ErrorResponse {
	t.Helper()
	if err := frozen.Conn().SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for {
		message, err := frozen.Frontend().Receive()
		if err != nil {
			t.Fatal(err)
		}
		if is, ok := message.(*pgproto3.ErrorResponse); ok {
			return is
		}
	}
}

// TestFrozenNodeLosesItsRooms: nodes are stopped in the midst of what they send, while
// their kernel goes on answering for them. One has locked a room, some wait behind it.
// All together must not outlast another node's wait.
func TestFrozenNodeLosesItsRooms(t *testing.T) {
	t.Parallel()
	for _, within := range []struct {
		name string
		send func(to *pgproto3.Frontend, lock string)
	}{
		{"between round trips", func(to *pgproto3.Frontend, lock string) {
			to.Send(&pgproto3.Query{String: "BEGIN; " + lock})
		}},
		{"COPY", func(to *pgproto3.Frontend, lock string) {
			to.Send(&pgproto3.Query{String: "BEGIN; " + lock + "; " + plainRows.insertByCopy})
			to.Send(&pgproto3.CopyData{Data: plainRows.appendCopy(nil, nil)[:19]})
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
			for !frozenNodeLosesItsRooms(t, within.send) {
				t.Log("the machine was too busy to tell")
			}
		})
	}
}

// frozenNodeLosesItsRooms reports whether it could tell: who waits for a room must have begun so early that the wait is over
// before the room is free.
func frozenNodeLosesItsRooms(t *testing.T, send func(to *pgproto3.Frontend, lock string)) bool {
	const lock = "SELECT FROM chat_rooms WHERE id = '%s' FOR NO KEY UPDATE"
	const early = 1500 * time.Millisecond // the room is free after three seconds, and who waits gives up after one
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	f.mustAppend(f.send(0, "before"))
	freeze := func() *pgconn.PgConn {
		conn, err := f.writers.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		frozen := conn.Hijack().PgConn()
		t.Cleanup(func() { _ = frozen.Conn().Close() })
		send(frozen.Frontend(), fmt.Sprintf(lock, f.rooms[0]))
		if err := frozen.Frontend().Flush(); err != nil {
			t.Fatal(err)
		}
		return frozen
	}
	begun := time.Now()
	isEarly := func(frozen *pgconn.PgConn, sql string) bool {
		for time.Since(begun) < early {
			var is bool
			if err := f.readers.QueryRow(t.Context(), "SELECT "+sql+" FROM pg_stat_activity WHERE pid = $1", frozen.PID()).Scan(&is); err != nil {
				t.Fatal(err)
			}
			if is {
				return time.Since(begun) < early
			}
			time.Sleep(2 * time.Millisecond)
		}
		return false
	}
	if !isEarly(freeze(), "backend_xid IS NOT NULL AND wait_event IS NOT DISTINCT FROM 'ClientRead'") {
		return false
	}
	var behind [3]*pgconn.PgConn
	for i := range behind {
		behind[i] = freeze()
		if !isEarly(behind[i], "wait_event_type IS NOT DISTINCT FROM 'Lock'") {
			return false
		}
	}

	op := f.send(0, "of another node")
	if err := f.Append(t.Context(), []*room.Op{op}, room.Within{Commit: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	f.mustStand(0, 2)
	for i, frozen := range behind {
		if err := firstError(t, frozen); err.Code != codeLockTimeout {
			t.Errorf("frozen node %d of those that waited got the room, and kept it: %s", i, err.Message)
		}
	}
	return true
}

// TestAYoungTransactionIsNotTakenForFrozen where the URL, the database or the role lets sessions be
// silent for ever.
func TestAYoungTransactionIsNotTakenForFrozen(t *testing.T) {
	t.Parallel()
	url := migrated.Postgres(t, pgserver.Shared(t))
	f := newFleet(t, Config{URL: url + "&idle_in_transaction_session_timeout=0"}, 1)
	const young = 2 * time.Second
	for {
		conn, err := f.writers.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		copying := conn.Hijack().PgConn()
		begun := time.Now()
		copying.Frontend().Send(&pgproto3.Query{String: "BEGIN; COPY users FROM STDIN"})
		if err := copying.Frontend().Flush(); err != nil {
			t.Fatal(err)
		}
		await.Until(t, "the session copies", func() bool {
			return f.count(fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'ClientRead' AND state = 'active'", copying.PID())) == 1
		})
		var ended int
		if err := f.writers.QueryRow(t.Context(), endSessionsWithin).Scan(&ended); err != nil {
			t.Fatal(err)
		}
		late := time.Since(begun) > young
		if ended != 0 && !late {
			t.Error("a session that has been copying for a moment was ended")
		}
		if !late {
			await.Until(t, "it is ended in the end", func() bool {
				if err := f.writers.QueryRow(t.Context(), endSessionsWithin).Scan(&ended); err != nil {
					t.Fatal(err)
				}
				return ended == 1
			})
		}
		_ = copying.Conn().Close()
		if !late { // the machine was not too busy to tell
			return
		}
	}
}
