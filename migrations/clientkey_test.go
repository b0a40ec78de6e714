package migrations_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/migrations"
)

// TestClientIDsOfTheReleaseBefore have no numbers, and are unique as before. Those with numbers
// are in no other index.
func TestClientIDsOfTheReleaseBefore(t *testing.T) {
	db := databases[migrations.SQLite](t)
	if _, _, err := migrations.Up(t.Context(), db, migrations.SQLite, quiet); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"DROP INDEX caravan_messages_client",
		"DROP INDEX caravan_messages_client_key",
		"ALTER TABLE chat_messages DROP COLUMN client_key",
		"CREATE UNIQUE INDEX caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id) WHERE client_id IS NOT NULL",
		"DELETE FROM caravan_schema_version WHERE version_id >= 19",
		"INSERT INTO chat_messages (id, chat_room_id, sender_id, content, seq, client_id) VALUES ('m1', 'r', 's', '', 1, 'a')",
	} {
		exec(t, db, statement)
	}
	if from, to, err := migrations.Up(t.Context(), db, migrations.SQLite, quiet); err != nil || from != 17 || to != migrations.Newest(migrations.SQLite) {
		t.Fatalf("%d → %d, %v", from, to, err)
	}
	insert := func(id, number string) error {
		_, err := db.ExecContext(t.Context(), "INSERT INTO chat_messages (id, chat_room_id, sender_id, content, client_id, client_key) VALUES (?, 'r', 's', '', 'a', "+number+")", id)
		return err
	}
	if err := insert("m2", "NULL"); err == nil || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("one client_id for two messages: %v", err)
	}
	if err := insert("m3", "5"); err != nil { // whoever stores looks for it first
		t.Error(err)
	}
	if got := column(t, db, "SELECT count(*) FROM chat_messages INDEXED BY caravan_messages_client WHERE client_id IS NOT NULL AND client_key IS NULL"); got[0] != "1" {
		t.Errorf("%s without a number", got[0])
	}
}
