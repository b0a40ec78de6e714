package migrations_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/migrations"
)

// beforeChanges makes the schema of the release before, with one message.
func beforeChanges(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "DROP TRIGGER caravan_note_answer ON chat_messages; DROP TRIGGER caravan_keep_deleted ON chat_messages")
	exec(t, db, "ALTER TABLE chat_messages DROP COLUMN deleted_at, DROP COLUMN pinned_at, DROP COLUMN extra")
	exec(t, db, "ALTER TABLE chat_rooms DROP COLUMN first_seq, DROP COLUMN slow_mode")
	exec(t, db, "DROP INDEX caravan_messages_reply") // the other one is gone with its column
	exec(t, db, "DROP TABLE chat_reactions, chat_summaries_due, chat_mentions, chat_uncounted")
	exec(t, db, "DELETE FROM caravan_schema_version WHERE version_id >= 9")
	exec(t, db, message(1, 1, 1))
}

var rareIndexes = []string{"caravan_messages_pinned", "caravan_messages_reply"}

// validIndexes returns those of rareIndexes that are there and can be used.
func validIndexes(t *testing.T, db *sql.DB) []string {
	t.Helper()
	return column(t, db, `SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indisvalid AND c.relname IN ('caravan_messages_pinned', 'caravan_messages_reply') ORDER BY 1`)
}

// TestMessagesAreWrittenWhileTablesAreTaken: who migrates waits for a transaction that is
// under way, and nobody else has to wait for it meanwhile.
func TestMessagesAreWrittenWhileTablesAreTaken(t *testing.T) {
	for name, make := range map[string]func(*testing.T, *sql.DB){
		"triggers": func(t *testing.T, db *sql.DB) {
			before(t, db, migrations.Postgres)
			exec(t, db, message(1, 1, 1))
		},
		"columns": beforeChanges,
		"trigger of answers": func(t *testing.T, db *sql.DB) {
			beforeChanges(t, db)
			exec(t, db, "INSERT INTO caravan_schema_version (version_id, is_applied) VALUES (9, true), (11, true), (12, true)")
			exec(t, db, "ALTER TABLE chat_messages ADD COLUMN deleted_at timestamptz, ADD COLUMN pinned_at timestamptz, ADD COLUMN extra jsonb")
			exec(t, db, "CREATE TABLE chat_summaries_due (message_id uuid PRIMARY KEY, chat_room_id uuid NOT NULL, due_at timestamptz NOT NULL)")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgserver.Shared(t).Database(t)
			db := open(t, "pgx", url)
			make(t, db)
			writeWhileMigrating(t, db, url)
			if got := column(t, db, "SELECT count(*) FROM chat_messages WHERE deleted_at IS NULL AND pinned_at IS NULL AND extra IS NULL"); got[0] != "5" {
				t.Errorf("%s messages of 5", got[0])
			}
			if got := validIndexes(t, db); !slices.Equal(got, rareIndexes) {
				t.Errorf("indexes %q", got)
			}
		})
	}
}

// writeWhileMigrating brings the schema up to date while a transaction that wrote message 2
// has not ended. Messages 3 to 5 are written meanwhile.
func writeWhileMigrating(t *testing.T, db *sql.DB, url string) {
	t.Helper()
	long, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.Exec(message(2, 2, 2)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := migrations.Up(t.Context(), open(t, "pgx", url), migrations.Postgres, quiet)
		done <- err
	}()
	await.Until(t, "the migration waits for the tables", func() bool {
		return column(t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND wait_event_type = 'Lock' AND wait_event = 'relation'`)[0] != "0"
	})
	for n := 3; n < 6; n++ { // each of these would wait behind the migration without end
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if _, err := db.ExecContext(ctx, message(n, n, n)); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if err := long.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := await.Value(t, "the end of the migration", done); err != nil {
		t.Fatal(err)
	}
}

// takes are statements that take a table for themselves, or from all who write.
var takes = regexp.MustCompile(`(?m)^ *(ALTER TABLE (chat_rooms|chat_messages)|CREATE TRIGGER|DROP INDEX caravan|CREATE (UNIQUE )?INDEX.* ON chat_messages)|EXECUTE format\('ALTER TABLE`)

// TestWhoTakesATableWaitsShortly: every step that takes a table which nodes write says
// before how long it waits for that. The first one numbers what another service wrote.
func TestWhoTakesATableWaitsShortly(t *testing.T) {
	steps, err := filepath.Glob("postgres/*.sql")
	if err != nil || len(steps) == 0 {
		t.Fatal(steps, err)
	}
	for _, step := range steps[1:] {
		text, err := os.ReadFile(step)
		if err != nil {
			t.Fatal(err)
		}
		first := takes.FindIndex(text)
		if waits := bytes.Index(text, []byte("lock_timeout")); first != nil && (waits < 0 || waits > first[0]) {
			t.Errorf("%s waits without end at %q", step, text[first[0]:first[1]])
		}
	}
}

// TestIndexesComeWhileMessagesAreWritten: a transaction that is under way holds up the
// index, and only that. Further nodes that start meanwhile do not hold it up for good.
func TestIndexesComeWhileMessagesAreWritten(t *testing.T) {
	url := pgserver.Shared(t).Database(t)
	db := open(t, "pgx", url)
	beforeChanges(t, db)
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	for _, name := range rareIndexes {
		exec(t, db, "DROP INDEX "+name)
	}
	long, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.Exec(message(2, 2, 2)); err != nil {
		t.Fatal(err)
	}
	const nodes = 4
	done := make(chan error, nodes)
	for range nodes {
		go func() {
			_, _, err := migrations.Up(t.Context(), open(t, "pgx", url), migrations.Postgres, quiet)
			done <- err
		}()
	}
	await.Until(t, "an index is being made", func() bool {
		return column(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'")[0] != "0"
	})
	exec(t, db, message(3, 3, 3))
	if err := long.Commit(); err != nil {
		t.Fatal(err)
	}
	for range nodes {
		if err := await.Value(t, "the end of a migration", done); err != nil {
			t.Fatal(err)
		}
	}
	if got := validIndexes(t, db); !slices.Equal(got, rareIndexes) {
		t.Errorf("indexes %q", got)
	}
}

// TestAnIndexThatWasNotEndedIsMadeAnew: what a node leaves that dies while it makes one.
func TestAnIndexThatWasNotEndedIsMadeAnew(t *testing.T) {
	db := databases[migrations.Postgres](t)
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	for _, name := range rareIndexes {
		exec(t, db, fmt.Sprintf("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '%s'::regclass", name))
	}
	if got := validIndexes(t, db); len(got) != 0 {
		t.Fatalf("indexes %q", got)
	}
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	if got := validIndexes(t, db); !slices.Equal(got, rareIndexes) {
		t.Errorf("indexes %q", got)
	}
}

// TestFilesGoWithAMessageThatANodeOfTheReleaseBeforeDeletes: it knows of none.
func TestFilesGoWithAMessageThatANodeOfTheReleaseBeforeDeletes(t *testing.T) {
	db := open(t, "pgx", pgserver.Shared(t).Database(t))
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	exec(t, db, message(1, 1, 1))
	exec(t, db, message(2, 2, 2))
	for n := 1; n < 3; n++ {
		exec(t, db, fmt.Sprintf(`INSERT INTO chat_attachments (id, chat_room_id, uploader_id, message_id, state, store_key, name, mime, size, created_at)
			SELECT id, chat_room_id, sender_id, id, 'ready', 'k', 'n', 'm', 1, now() FROM chat_messages WHERE id = '%s'`, messageID(n)))
	}
	exec(t, db, "SET search_path = pg_catalog, public; UPDATE chat_messages SET deleted_at = now(), content = '', extra = NULL, rev = 3 WHERE id = '"+messageID(1)+"'")
	exec(t, db, "UPDATE chat_messages SET content = 'x', rev = 4 WHERE id = '"+messageID(2)+"'")
	if got := column(t, db, "SELECT state FROM chat_attachments ORDER BY message_id = '"+messageID(2)+"'"); !slices.Equal(got, []string{"gone", "ready"}) {
		t.Errorf("the files are %v", got)
	}
}

// TestAnswersOfNodesOfTheReleaseBefore: a node that runs on counts no answers, so the database
// notes whose count is due. For a node of this release it does not.
func TestAnswersOfNodesOfTheReleaseBefore(t *testing.T) {
	db := open(t, "pgx", pgserver.Shared(t).Database(t))
	beforeChanges(t, db)
	if _, _, err := migrations.Up(t.Context(), db, migrations.Postgres, quiet); err != nil {
		t.Fatal(err)
	}
	answer := func(n int, to string) string {
		with := strings.NewReplacer("seq, rev)", "seq, rev, reply_to_id)").Replace(message(n, n, n))
		return strings.TrimSuffix(with, ")") + ", " + to + ")"
	}
	exec(t, db, message(2, 2, 2))
	const due = "SELECT message_id::text FROM chat_summaries_due ORDER BY 1"
	if got := column(t, db, due); len(got) != 0 {
		t.Errorf("after a message that answers none: %v are due", got)
	}
	for n, to := range []string{"NULL", "'" + messageID(1) + "'", "'" + messageID(1) + "'"} {
		exec(t, db, answer(n+3, to))
	}
	if got := column(t, db, due); !slices.Equal(got, []string{messageID(1)}) {
		t.Errorf("after two answers: %v are due", got)
	}
	exec(t, db, "DELETE FROM chat_summaries_due")
	exec(t, db, "BEGIN; SET LOCAL caravan.summaries = 'own'; "+answer(9, "'"+messageID(1)+"'")+"; COMMIT")
	if got := column(t, db, due); len(got) != 0 {
		t.Errorf("after an answer of this release: %v are due", got)
	}
}
