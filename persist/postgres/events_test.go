package postgres

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// edit is a change of a message by its sender.
func (f *fleet) edit(m *room.Op, content string) *room.Op {
	op := f.send(0, content)
	op.Kind, op.Room, op.MessageID, op.Row = protocol.KindEdit, m.Room, m.MessageID, uuid.Must(uuid.NewV7())
	return op
}

// TestOwnChangesLeaveTheTriggerAlone: what gives a row to the changes of nodes of the
// release before costs this one nothing, in whatever way it writes.
func TestOwnChangesLeaveTheTriggerAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	f.exec(`CREATE OR REPLACE FUNCTION caravan_note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$`)
	old := f.send(0, "old")
	f.mustAppend(old)
	f.mustAppend(f.edit(old, "changed"))
	for _, rows := range []int{1, 2 * copyRowsMin} { // written by arrays, and by COPY
		batch := []*room.Op{f.edit(old, "again")}
		for range rows {
			op := f.send(0, "new")
			batch = append(batch, op, f.edit(op, "changed at once"))
		}
		f.mustAppend(batch...)
	}
	if _, err := f.session().Exec(t.Context(), "UPDATE chat_messages SET rev = 1000 WHERE id = $1", [16]byte(old.MessageID)); err == nil {
		t.Error("the trigger lets a change of another node pass")
	}
}

// TestPgBouncerIsToldWhatToIgnore: it turns away whoever sends a parameter that it
// does not know.
func TestPgBouncerIsToldWhatToIgnore(t *testing.T) {
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(page), "`ignore_startup_parameters = ")
	list, _, ended := strings.Cut(list, "`")
	if !found || !ended {
		t.Fatal("the page has no list")
	}
	ignored := strings.Fields(strings.ReplaceAll(list, ",", " "))
	for name := range sessionParameters {
		if name == "application_name" { // it knows this one, and client_encoding and timezone
			continue
		}
		if !slices.Contains(ignored, name) {
			t.Errorf("%s is not in the list", name)
		}
	}
}
