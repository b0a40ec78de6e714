package migrations_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/migrations"
)

// fillAdopted makes rooms with so many messages each, as the service that wrote them left them: not
// in the order of their times, and some at the same moment.
func fillAdopted(tb testing.TB, db *sql.DB, rooms, messages int) {
	tb.Helper()
	for _, statement := range []string{
		adopted[migrations.Postgres],
		"INSERT INTO users VALUES ('10000000-0000-4000-8000-000000000000', 'x', 'a@b.c', 'a', '', '', false)",
		fmt.Sprintf("INSERT INTO trips SELECT ('20000000-0000-4000-8000-'||lpad(i::text, 12, '0'))::uuid, 'T', 1, now() FROM generate_series(1, %d) i", rooms),
		fmt.Sprintf("INSERT INTO chat_rooms SELECT ('30000000-0000-4000-8000-'||lpad(i::text, 12, '0'))::uuid, ('20000000-0000-4000-8000-'||lpad(i::text, 12, '0'))::uuid, now() FROM generate_series(1, %d) i", rooms),
		fmt.Sprintf(`INSERT INTO chat_messages (id, content, message_type, is_edited, created_at, updated_at, chat_room_id, sender_id)
			SELECT gen_random_uuid(), 'what somebody said on the way, number ' || i, 'text', false, at, at, ('30000000-0000-4000-8000-'||lpad((1 + i %% %d)::text, 12, '0'))::uuid,
				'10000000-0000-4000-8000-000000000000'
			FROM (SELECT i, now() - interval '30 days' + (i * 7919 %% %d) / 3 * interval '1 second' AS at FROM generate_series(1, %d) i) x`, rooms, rooms*messages, rooms*messages),
		"CREATE INDEX chat_messages_room ON chat_messages (chat_room_id)",
	} {
		if _, err := db.Exec(statement); err != nil {
			tb.Fatal(err)
		}
	}
}

// service writes a message a time as the service does that Caravan replaces: it knows no numbers.
const service = `INSERT INTO chat_messages (id, content, message_type, is_edited, created_at, updated_at, chat_room_id, sender_id)
	VALUES (gen_random_uuid(), 'new', 'text', false, clock_timestamp(), clock_timestamp(), '30000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000000')`

// numberedInOrder checks that each room has the numbers from 1 on, in the order of its messages.
func numberedInOrder(t *testing.T, db *sql.DB, messages int) {
	t.Helper()
	wrong := column(t, db, `SELECT chat_room_id || ' ' || count(*) FROM
		(SELECT chat_room_id, seq, rev, row_number() OVER (PARTITION BY chat_room_id ORDER BY created_at, CASE WHEN content <> 'new' THEN id END, seq) AS n FROM chat_messages) m
		WHERE seq IS DISTINCT FROM n OR rev IS DISTINCT FROM n GROUP BY chat_room_id`)
	if len(wrong) > 0 {
		t.Errorf("messages out of order: %v", wrong)
	}
	last := column(t, db, `SELECT r.id || ' ' || last_seq FROM chat_rooms r WHERE last_seq <> (SELECT count(*) FROM chat_messages m WHERE m.chat_room_id = r.id)`)
	if len(last) > 0 {
		t.Errorf("last_seq %v", last)
	}
	if got := column(t, db, "SELECT count(*) FROM chat_messages")[0]; got != fmt.Sprint(messages) {
		t.Errorf("%s messages, want %d", got, messages)
	}
}

// TestTheServiceWritesOnWhileItsMessagesAreNumbered, and afterwards: what it stores has the next
// numbers.
func TestTheServiceWritesOnWhileItsMessagesAreNumbered(t *testing.T) {
	t.Parallel()
	url := pgserver.Shared(t).Database(t)
	db := open(t, "pgx", url)
	fillAdopted(t, db, 3, 2000)
	stop, ended, written := make(chan struct{}), make(chan error, 1), 0
	go func() {
		beside := open(t, "pgx", url)
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := beside.Exec(service); err != nil {
				ended <- err
				return
			}
			written++
		}
	}()
	_, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet)
	close(stop)
	if err := errors.Join(err, await.Value(t, "the end of the service", ended)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		exec(t, db, service)
	}
	numberedInOrder(t, db, 6000+written+2)
	if got := column(t, db, "SELECT conname FROM pg_constraint WHERE conname = 'caravan_numbered'"); len(got) > 0 {
		t.Errorf("left over: %v", got)
	}
	if got := column(t, db, "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'caravan_messages%' ORDER BY 1"); !slices.Equal(got,
		[]string{"caravan_messages_client", "caravan_messages_pinned", "caravan_messages_reply", "caravan_messages_seq"}) {
		t.Errorf("indexes %v", got)
	}
}

// TestNumberingGoesOnWhereItWasEnded, wherever that was.
func TestNumberingGoesOnWhereItWasEnded(t *testing.T) {
	t.Parallel()
	db := open(t, "pgx", pgserver.Shared(t).Database(t))
	fillAdopted(t, db, 2, 3000)
	ends := 0
	for wait := 20 * time.Millisecond; ; wait = wait * 3 / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, _, err := migrations.Up(ctx, db, migrations.Postgres, quiet)
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			t.Fatal(err)
		}
		ends++
	}
	if ends == 0 {
		t.Error("it was never ended")
	}
	numberedInOrder(t, db, 6000)
}

// schemaOf describes a database as far as an application may notice it.
func schemaOf(t *testing.T, db *sql.DB, dialect migrations.Dialect) string {
	t.Helper()
	queries := []string{"SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"}
	if dialect == migrations.Postgres {
		queries = []string{
			`SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1`,
			"SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
			"SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1",
			"SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
			"SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
			"SELECT relname || ' ' || coalesce(reloptions::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
		}
	}
	var all []string
	for _, query := range queries {
		all = append(all, column(t, db, query)...)
	}
	return strings.Join(all, "\n")
}

// TestAnAdoptedDatabaseIsGivenBack: undo.sql takes away all that Caravan added. What was said
// stays, and the service goes on.
func TestAnAdoptedDatabaseIsGivenBack(t *testing.T) {
	eachDialect(t, func(t *testing.T, db *sql.DB, dialect migrations.Dialect) {
		undo, err := os.ReadFile("undo/" + string(dialect) + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db, adopted[dialect])
		exec(t, db, "INSERT INTO users VALUES ('10000000-0000-4000-8000-000000000000', 'x', 'a@b.c', 'a', '', '', false)")
		exec(t, db, "INSERT INTO trips VALUES ('20000000-0000-4000-8000-000000000001', 'T', 1, '2025-01-01 00:00:00+00')")
		exec(t, db, "INSERT INTO chat_rooms VALUES ('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', '2025-01-01 00:00:00+00')")
		store := strings.NewReplacer("gen_random_uuid()", "'40000000-0000-4000-8000-00000000000%d'", "clock_timestamp()", "'2025-01-01 00:00:00'").Replace(service)
		exec(t, db, fmt.Sprintf(store, 1))
		before := schemaOf(t, db, dialect)
		for round := range 2 { // and once more
			if _, _, err := migrations.Up(t.Context(), db, dialect, quiet); err != nil {
				t.Fatal(err)
			}
			exec(t, db, fmt.Sprintf(`INSERT INTO chat_messages (id, content, message_type, is_edited, created_at, updated_at, chat_room_id, sender_id, seq, rev, deleted_at)
				VALUES ('40000000-0000-4000-8000-00000000009%d', '', 'text', false, '2025-01-01', '2025-01-01', '30000000-0000-4000-8000-000000000001',
				'10000000-0000-4000-8000-000000000000', 9, 9, '2025-01-01')`, round))
			exec(t, db, fmt.Sprintf("UPDATE chat_messages SET reply_to_id = '40000000-0000-4000-8000-00000000009%d' WHERE seq = 1", round)) // it answers what was deleted
			exec(t, db, string(undo))
			if after := schemaOf(t, db, dialect); after != before {
				t.Errorf("the schema was\n%s\nand is\n%s", before, after)
			}
			exec(t, db, fmt.Sprintf(store, round+2))
		}
		if got := column(t, db, "SELECT count(*) FROM chat_messages")[0]; got != "3" {
			t.Errorf("%s messages", got)
		}
	})
}

// BenchmarkAdoption numbers a million messages while the service writes, and says how long the
// longest of its messages took:
//
//	go test -run '^$' -bench Adoption -benchtime 1x ./migrations
func BenchmarkAdoption(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		url := pgserver.Shared(b).Database(b)
		db, err := sql.Open("pgx", url)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		fillAdopted(b, db, 500, 2000)
		stop, ended := make(chan struct{}), make(chan time.Duration, 1)
		go func() {
			var longest time.Duration
			for {
				select {
				case <-stop:
					ended <- longest
					return
				default:
				}
				start := time.Now()
				if _, err := db.Exec(service); err != nil {
					b.Error(err)
				}
				longest = max(longest, time.Since(start))
			}
		}()
		b.StartTimer()
		if _, _, err := migrations.Up(b.Context(), db, migrations.Postgres, quiet); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		close(stop)
		b.ReportMetric(float64((<-ended).Milliseconds()), "ms-longest-insert")
		b.StartTimer()
	}
}
