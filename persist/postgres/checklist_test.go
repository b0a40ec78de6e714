package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// broken has everything wrong at once that a checklist looks for in tables.
const broken = djangoSchema + `
	ALTER TABLE chat_messages DROP CONSTRAINT chat_messages_chat_room_id_fkey, DROP CONSTRAINT chat_messages_sender_id_fkey, DROP CONSTRAINT chat_messages_reply_to_id_fkey,
		DROP COLUMN updated_at, ADD COLUMN extra text, ADD COLUMN seq bigint, ADD COLUMN client_id text, ADD COLUMN priority int NOT NULL,
		ALTER COLUMN sender_id DROP NOT NULL, ALTER COLUMN chat_room_id DROP NOT NULL, ALTER COLUMN created_at DROP NOT NULL, ALTER COLUMN content DROP NOT NULL;
	ALTER TABLE chat_rooms DROP CONSTRAINT chat_rooms_trip_id_key, DROP CONSTRAINT chat_rooms_trip_id_fkey, ADD COLUMN first_seq bigint;
	ALTER TABLE collaborators DROP CONSTRAINT collaborators_trip_id_fkey, DROP CONSTRAINT collaborators_user_id_fkey, ALTER COLUMN role DROP NOT NULL;
	ALTER TABLE users DROP COLUMN username, ADD COLUMN is_active boolean, ALTER COLUMN email DROP NOT NULL;
	CREATE TABLE chat_reads (id bigint);
	CREATE SCHEMA other;
	CREATE TABLE other.trips (id uuid);
	CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER app_touch AFTER INSERT ON chat_messages FOR EACH ROW EXECUTE FUNCTION touch();
	INSERT INTO users (id, password, is_staff) VALUES ('10000000-0000-4000-8000-000000000001', '', false);
	INSERT INTO chat_rooms SELECT gen_random_uuid(), '20000000-0000-4000-8000-000000000001', now() FROM generate_series(1, 2);
	INSERT INTO collaborators (trip_id, user_id, role, created_at)
		SELECT '20000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', role, now() FROM unnest(ARRAY['guide', 'owner', NULL]) role;
	INSERT INTO chat_messages (id, message_type, is_edited, priority, seq, client_id) SELECT gen_random_uuid(), 'text', false, 1, NULL, NULL FROM generate_series(1, 2);
	INSERT INTO chat_messages (id, content, message_type, is_edited, created_at, chat_room_id, sender_id, reply_to_id, priority, seq, client_id)
		SELECT gen_random_uuid(), 'm', 'text', false, now(), '30000000-0000-4000-8000-000000000009', '10000000-0000-4000-8000-000000000009', gen_random_uuid(), 1, 7, 'c'
		FROM generate_series(1, 2);`

// brokenSays is what a checklist says of it.
var brokenSays = []string{
	"blocks columns chat_messages has no column updated_at",
	"blocks columns users has no column username",
	"blocks columns chat_reads is a table of Caravan's",
	"blocks types column extra of chat_messages is of type text",
	"blocks types column first_seq of chat_rooms may be null",
	"blocks defaults column priority of chat_messages must have a value",
	"blocks duplicates 1 trips have more than one room",
	"blocks duplicates 1 numbers (seq)",
	"blocks duplicates 1 values of client_id",
	"look duplicates 1 collaborators are there more than once",
	"look nulls 2 messages are in no room",
	"look nulls 2 messages have no time",
	"look nulls 2 messages have no sender",
	"look nulls 2 messages have no content",
	"look nulls 1 users have no email",
	"look nulls 1 users have NULL in is_active",
	`look roles the role "guide" (1 collaborators)`,
	"look roles 1 collaborators have no role",
	"look orphans 2 messages are in rooms that are not there",
	"look orphans 2 messages are of users that are not there",
	"look orphans 2 messages answer one that is not there",
	"look orphans 2 rooms are of trips that are not there",
	"look orphans 3 collaborators are of users or trips",
	"look indexes chat_rooms has no unique index on (trip_id)",
	"look indexes collaborators has no index on (user_id)",
	"look indexes collaborators has no index on (trip_id, user_id)",
	"look search_path there is also a table trips in the schema other",
	"look triggers chat_messages has the trigger app_touch",
}

// says checks that a checklist has a finding that begins so.
func says(t *testing.T, found persist.Checklist, words string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f persist.Finding) bool {
		return strings.HasPrefix(string(f.Level)+" "+f.About+" "+f.Text, words)
	}) {
		t.Errorf("nothing says %q in\n%+v", words, found)
	}
}

func check(t *testing.T, url string) persist.Checklist {
	t.Helper()
	roles, err := protocol.ParseRoles(protocol.RolesDefault)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Check(t.Context(), Config{URL: url, Log: quiet}, roles)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestChecklistNamesAllAtOnce, and changes nothing.
func TestChecklistNamesAllAtOnce(t *testing.T) {
	t.Parallel()
	url := pgserver.Shared(t).Database(t)
	f := &fleet{t: t, url: url}
	if found := check(t, url); found.Count(persist.Blocks) > 0 {
		t.Errorf("an empty database: %+v", found)
	}
	f.exec("BEGIN;" + broken + "COMMIT")
	found := check(t, url)
	for _, words := range brokenSays {
		says(t, found, words)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, step := range []struct{ sql, words string }{
		{"CREATE ROLE checked LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "blocks permissions the role checked may not make tables"},
		{"GRANT SELECT ON chat_rooms, chat_messages, users, trips TO checked", "blocks permissions the role checked may not read collaborators"},
		{"GRANT ALL ON ALL TABLES IN SCHEMA public TO checked", "blocks permissions chat_messages belongs to the role"},
		{"ALTER TABLE users ENABLE ROW LEVEL SECURITY", "look permissions row-level security of users"},
		{"", "look permissions the role may not call pg_control_system()"},
		{"GRANT USAGE ON SCHEMA other TO checked; ALTER ROLE checked SET search_path = other", "blocks search_path chat_messages is not found by the search_path"},
		{"ALTER ROLE checked SET search_path = nowhere", "blocks search_path no schema of the search_path"},
		{"ALTER ROLE checked SET default_transaction_read_only = on", "blocks server default_transaction_read_only is on"},
	} {
		if _, err := conn.Exec(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		says(t, check(t, strings.Replace(url, "://caravan@", "://checked@", 1)), step.words)
	}
	if _, err := conn.Exec(t.Context(), "DROP OWNED BY checked; DROP ROLE checked"); err != nil {
		t.Error(err)
	}
	var tables int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^(chat_|caravan_)'").Scan(&tables); err != nil || tables != 3 {
		t.Errorf("%d tables, %v: a checklist changes nothing", tables, err)
	}
}

// TestChecklistOfWhatIsGood, before and after the migration.
func TestChecklistOfWhatIsGood(t *testing.T) {
	t.Parallel()
	url := pgserver.Shared(t).Database(t)
	f := &fleet{t: t, url: url}
	f.exec(djangoSchema)
	for _, words := range []string{"look schema the schema is at version 0", "ok schema up to date"} {
		found := check(t, url)
		says(t, found, words)
		if n := found.Count(persist.Blocks); n > 0 {
			t.Errorf("%d in the way of\n%+v", n, found)
		}
		if strings.HasPrefix(words, "look") {
			openStore(t, Config{URL: url, Log: quiet})
			says(t, check(t, url), "look triggers messages of the service that Caravan replaces get their numbers")
			f.exec("DROP TRIGGER caravan_number ON chat_messages")
		} else if n := found.Count(persist.Look); n > 0 {
			t.Errorf("%d to look at in\n%+v", n, found)
		}
	}
	f.exec("INSERT INTO caravan_schema_version (version_id, is_applied) VALUES (9999, true)")
	says(t, check(t, url), "blocks schema the schema is at version 9999")
	f.exec("DELETE FROM caravan_schema_version WHERE version_id = 9999; UPDATE chat_deployment SET cluster = 1")
	says(t, check(t, url), "blocks schema the database comes from another cluster")
}
