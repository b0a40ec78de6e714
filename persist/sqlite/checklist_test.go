package sqlite_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
)

func check(t *testing.T, path string) persist.Checklist {
	t.Helper()
	roles, err := protocol.ParseRoles(protocol.RolesDefault)
	if err != nil {
		t.Fatal(err)
	}
	found, err := sqlite.Check(t.Context(), path, roles)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestChecklistNamesAllAtOnce, and changes nothing.
func TestChecklistNamesAllAtOnce(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "caravan.db")
	if found := check(t, missing); found.Count(persist.Blocks) > 0 || found.Count(persist.Look) != 1 {
		t.Errorf("no file: %+v", found)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("it was made")
	}
	a := adopt(t, looseSchema, 1)
	for _, words := range []string{"look schema the schema is at version 0", "ok schema up to date"} {
		found := check(t, a.path)
		if found.Count(persist.Blocks) > 0 || !slices.ContainsFunc(found, func(f persist.Finding) bool { return strings.HasPrefix(string(f.Level)+" "+f.About+" "+f.Text, words) }) {
			t.Errorf("not %q, or something in the way: %+v", words, found)
		}
		if strings.HasPrefix(words, "look") {
			a.open(quiet)
		}
	}

	a = adopt(t, looseSchema, 1)
	a.exec(`ALTER TABLE chat_messages DROP COLUMN updated_at; ALTER TABLE chat_messages ADD COLUMN extra integer; ALTER TABLE chat_messages ADD COLUMN seq integer;
		ALTER TABLE users DROP COLUMN username; ALTER TABLE collaborators ADD COLUMN role text;
		INSERT INTO chat_rooms (id, trip_id) SELECT '30000000-0000-4000-8000-000000000001', trip_id FROM chat_rooms;
		INSERT INTO collaborators (trip_id, user_id, role) VALUES ('20000000-0000-4000-8000-000000000009', '10000000-0000-4000-8000-000000000009', 'guide');
		INSERT INTO chat_messages (id, chat_room_id, sender_id, seq, reply_to_id) VALUES (NULL, 'r', 's', 7, 'm'), ('x', 'r', 's', 7, NULL);
		UPDATE users SET id = replace(id, '-', '')`)
	found := check(t, a.path)
	for _, words := range []string{
		"blocks columns chat_messages has no column updated_at", "blocks columns users has no column username",
		"blocks types column extra of chat_messages is of type", "blocks types column id of users does not hold UUIDs",
		"blocks duplicates 1 trips have more than one room", "blocks duplicates 1 numbers (seq)", "blocks nulls 1 messages have no id",
		`look roles the role "guide" (1 collaborators)`, "look orphans 2 messages are in rooms", "look orphans 2 messages are of users", "look orphans 1 messages answer",
		"look orphans 2 collaborators", "look indexes collaborators has no index on (trip_id, user_id)",
	} {
		if !slices.ContainsFunc(found, func(f persist.Finding) bool { return strings.HasPrefix(string(f.Level)+" "+f.About+" "+f.Text, words) }) {
			t.Errorf("nothing says %q in\n%+v", words, found)
		}
	}
	var tables int
	if err := a.db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND (name LIKE 'chat%' OR name LIKE 'caravan%')").Scan(&tables); err != nil || tables != 2 {
		t.Errorf("%d tables, %v: a checklist changes nothing", tables, err)
	}
}
