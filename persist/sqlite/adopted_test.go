package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// looseSchema is that of an application whose columns may hold anything.
const looseSchema = `
	CREATE TABLE users (id text PRIMARY KEY, email text, username text, first_name text, last_name text);
	CREATE TABLE trips (id text PRIMARY KEY, title text);
	CREATE TABLE collaborators (trip_id text, user_id text);
	CREATE TABLE chat_rooms (id text PRIMARY KEY, trip_id text, created_at datetime, last_seq integer);
	CREATE TABLE chat_messages (id text PRIMARY KEY, content text, message_type text, is_edited bool, created_at datetime, updated_at datetime,
		chat_room_id text, reply_to_id text, sender_id text);`

// adopted is a database that an application has made.
type adopted struct {
	t     *testing.T
	path  string
	db    *sql.DB
	ann   protocol.User
	trips []uuid.UUID
	rooms []uuid.UUID
}

func adopt(t *testing.T, schema string, rooms int) *adopted {
	t.Helper()
	a := &adopted{t: t, path: filepath.Join(t.TempDir(), "caravan.db"), ann: protocol.User{ID: uuid.New(), Email: "ann@example.com"}}
	err := os.WriteFile(a.path, nil, 0o600) // a file that others may read is a warning
	if err != nil {
		t.Fatal(err)
	}
	if a.db, err = sql.Open("sqlite", a.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.db.Close(); err != nil {
			t.Error(err)
		}
	})
	a.exec(schema)
	a.exec("INSERT INTO users VALUES (?, ?, NULL, NULL, NULL)", a.ann.ID.String(), a.ann.Email)
	for range rooms {
		trip, home := uuid.New(), uuid.New()
		a.exec("INSERT INTO trips (id) VALUES (?)", trip.String())
		a.exec("INSERT INTO collaborators VALUES (?, ?)", trip.String(), a.ann.ID.String())
		a.exec("INSERT INTO chat_rooms (id, trip_id) VALUES (?, ?)", home.String(), trip.String())
		a.trips, a.rooms = append(a.trips, trip), append(a.rooms, home)
	}
	return a
}

func (a *adopted) exec(query string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Exec(query, args...); err != nil {
		a.t.Fatalf("%v in %s", err, query)
	}
}

func (a *adopted) open(log *slog.Logger) *sqlite.Store {
	a.t.Helper()
	s, err := sqlite.Open(a.t.Context(), a.path, log)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			a.t.Error(err)
		}
	})
	return s
}

func (a *adopted) op(kind protocol.Kind, id uuid.UUID, in int) *room.Op {
	return &room.Op{
		Intent: protocol.Intent{Kind: kind, MessageID: id, Content: "new", Type: protocol.TypeText},
		Row:    uuid.New(), Room: a.rooms[in], Trip: a.trips[in], Sender: a.ann, At: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// TestRolesOfAnAdoptedTable: one without roles, one that gets them while Caravan runs, and
// rows of which there are two, or that hold anything.
func TestRolesOfAnAdoptedTable(t *testing.T) {
	a := adopt(t, looseSchema, 1)
	a.exec("ALTER TABLE users ADD COLUMN role text DEFAULT 'staff'")
	a.exec("ALTER TABLE trips ADD COLUMN role text DEFAULT 'trip'")
	s := a.open(quiet)
	must := func(role string) {
		t.Helper()
		answers, err := s.Access(t.Context(), []room.AccessQuestion{{User: a.ann.ID, Place: a.rooms[0]}})
		if err != nil || !answers[0].Allowed || answers[0].Role != role || answers[0].User != a.ann {
			t.Errorf("access %+v, %v; want role %q", answers, err, role)
		}
	}
	must("")
	a.exec("ALTER TABLE collaborators ADD COLUMN role")
	must("")
	for _, x := range []struct{ stored, role string }{{"'owner'", "owner"}, {"7", "7"}, {"x'ff'", ""}, {"x'00'", ""}, {"'owner'", "owner"}} {
		a.exec("UPDATE collaborators SET role = " + x.stored)
		must(x.role)
	}
	a.exec("INSERT INTO collaborators (trip_id, user_id) SELECT trip_id, user_id FROM collaborators")
	must("owner")
	a.exec("UPDATE collaborators SET role = 'viewer' WHERE role IS NULL")
	must("owner")
	a.exec("INSERT INTO chat_reads (chat_room_id, user_id, read_seq, updated_at) VALUES (?, ?, 'far', 'now')", a.rooms[0].String(), a.ann.ID.String())
	must("owner")
}

func TestNullsOfAnAdoptedTable(t *testing.T) {
	a := adopt(t, looseSchema, 1)
	old, quoting, roomless := uuid.New(), uuid.New(), uuid.New()
	a.exec("INSERT INTO chat_messages (id, chat_room_id) VALUES (?, ?)", old.String(), a.rooms[0].String())
	a.exec("INSERT INTO chat_messages (id, chat_room_id, reply_to_id, created_at) VALUES (?, ?, ?, '2024-01-01')", quoting.String(), a.rooms[0].String(), old.String())
	a.exec("INSERT INTO chat_messages (id) VALUES (?)", roomless.String())
	s := a.open(quiet)

	epoch := time.Unix(0, 0).UTC()
	want := protocol.Message{ID: old, RoomID: a.rooms[0], Type: protocol.TypeText, CreatedAt: epoch, UpdatedAt: epoch, Seq: 1, Rev: 1}
	if got, err := s.Message(t.Context(), old); err != nil || got != want {
		t.Errorf("message %+v, %v; want %+v", got, err, want)
	}
	if _, err := s.Message(t.Context(), roomless); err != nil {
		t.Errorf("a message without a room: %v", err)
	}
	pages, err := s.Latest(t.Context(), a.rooms, room.Limit{Messages: 10})
	if err != nil || len(pages[0].Messages) != 2 {
		t.Fatalf("latest %+v, %v", pages, err)
	}
	if quote := pages[0].Messages[1].ReplyTo; quote == nil || *quote != (protocol.Reply{ID: old}) {
		t.Errorf("the quote of a message without content: %+v", quote)
	}
	answers, err := s.Access(t.Context(), []room.AccessQuestion{{User: a.ann.ID, Place: a.rooms[0]}})
	if err != nil || !answers[0].Allowed || answers[0].User != a.ann {
		t.Errorf("access %+v, %v", answers, err)
	}
	if page, err := s.Rooms(t.Context(), a.ann.ID, uuid.Nil, room.Limit{Messages: 10}); err != nil || len(page.Rooms) != 1 || page.Rooms[0].Title != "" || page.Rooms[0].Last == nil {
		t.Errorf("rooms %+v, %v", page, err)
	}
	reply := a.op(protocol.KindMessage, uuid.New(), 0)
	reply.ReplyTo = old
	if err := s.Append(t.Context(), []*room.Op{reply}, room.Within{}); err != nil || reply.Outcome != room.Stored || *reply.Message.ReplyTo != (protocol.Reply{ID: old}) {
		t.Errorf("a reply to it: outcome %d, %v, %v", reply.Outcome, reply.Err, err)
	}
}

// TestRowsThatCannotBeRead: SQLite keeps any value in any column.
func TestRowsThatCannotBeRead(t *testing.T) {
	a := adopt(t, looseSchema, 3)
	bad, whole := uuid.New(), uuid.New()
	a.exec("INSERT INTO chat_messages VALUES (?, x'ff', 'text', 'perhaps', 'yesterday', '2024-01-02', ?, 'nothing', 'nobody')", bad.String(), a.rooms[1].String())
	a.exec("INSERT INTO chat_messages VALUES ('no id', 'left out', 'text', 0, '2024-01-01', '2024-01-01', ?, NULL, ?)", a.rooms[1].String(), a.ann.ID.String())
	a.exec("INSERT INTO chat_messages VALUES (?, 'whole', 'text', 0, '2024-01-03', '2024-01-03', ?, ?, ?)", whole.String(), a.rooms[1].String(), bad.String(), a.ann.ID.String())
	a.exec("UPDATE chat_rooms SET id = 'no id' WHERE id = ?", a.rooms[2].String())
	var log bytes.Buffer
	s := a.open(slog.New(slog.NewTextHandler(&log, nil)))

	for range 2 {
		pages, err := s.Latest(t.Context(), a.rooms[:2], room.Limit{Messages: 10})
		if err != nil || len(pages[1].Messages) != 2 || pages[1].Seq != 3 {
			t.Fatalf("latest: %+v, %v", pages, err)
		}
		for _, m := range pages[1].Messages {
			switch {
			case m.ID == bad && m.RoomID == a.rooms[1] && m.UpdatedAt.Year() == 2024 && m.Seq > 0 && m.ReplyTo == nil && !m.IsEdited:
			case m.ID == whole && m.Content == "whole" && m.ReplyTo.ID == bad:
			default:
				t.Errorf("shown as %+v", m)
			}
		}
	}
	if m, err := s.Message(t.Context(), bad); err != nil || m.ID != bad {
		t.Errorf("message: %+v, %v", m, err)
	}
	question := func(in int) room.AccessQuestion { return room.AccessQuestion{User: a.ann.ID, Place: a.trips[in]} }
	if _, err := s.Access(t.Context(), []room.AccessQuestion{question(0), question(2)}); !errors.Is(err, room.ErrUnreadable) || errors.Is(err, room.ErrStoreDown) {
		t.Errorf("access to all: %v", err)
	}
	if answers, err := s.Access(t.Context(), []room.AccessQuestion{question(0)}); err != nil || !answers[0].Allowed {
		t.Errorf("access to another room: %+v, %v", answers, err)
	}
	if page, err := s.Rooms(t.Context(), a.ann.ID, uuid.Nil, room.Limit{Messages: 10}); err != nil || len(page.Rooms) != 2 {
		t.Errorf("rooms: %+v, %v", page, err)
	}
	edit, good := a.op(protocol.KindEdit, bad, 1), a.op(protocol.KindMessage, uuid.New(), 0)
	if err := s.Append(t.Context(), []*room.Op{edit, good}, room.Within{}); err != nil || edit.Outcome != room.Refused || good.Outcome != room.Stored {
		t.Errorf("an edit: outcome %d; beside it: outcome %d, %v", edit.Outcome, good.Outcome, err)
	}
	for _, words := range []string{"table=chat_messages id=" + bad.String(), `table=chat_messages id="no id"`, `table=chat_rooms id="no id"`} {
		if n := strings.Count(log.String(), words); n != 1 {
			t.Errorf("%d log lines with %s in\n%s", n, words, log.String())
		}
	}
}

func TestPeopleInViews(t *testing.T) {
	for _, views := range []string{"users trips collaborators", "users", "trips", "collaborators"} {
		a := adopt(t, looseSchema, 1)
		for name := range strings.FieldsSeq(views) {
			a.exec("ALTER TABLE " + name + " RENAME TO app_" + name + "; CREATE VIEW " + name + " AS SELECT * FROM app_" + name)
		}
		var log bytes.Buffer
		s := a.open(slog.New(slog.NewTextHandler(&log, nil)))
		answers, err := s.Access(t.Context(), []room.AccessQuestion{{User: a.ann.ID, Place: a.trips[0]}})
		if err != nil || !answers[0].Allowed {
			t.Errorf("views %s: %+v, %v", views, answers, err)
		}
		for _, table := range []string{"collaborators", "users", "trips"} {
			base := table
			if strings.Contains(views, table) {
				base = "app_" + table
			}
			for _, step := range []struct {
				sql string
				err *protocol.Error
			}{{"CREATE TEMP TABLE kept AS SELECT * FROM " + base + "; DELETE FROM " + base, protocol.ErrNotCollaborator},
				{"INSERT INTO " + base + " SELECT * FROM kept; DROP TABLE kept", nil}} {
				a.exec(step.sql)
				op := a.op(protocol.KindMessage, uuid.New(), 0)
				if err := s.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Err != step.err {
					t.Errorf("views %s, after %s: outcome %d, %v, %v", views, step.sql, op.Outcome, op.Err, err)
				}
			}
		}
		if said := strings.Contains(log.String(), "level=WARN"); said != strings.Contains(views, "collaborators") {
			t.Errorf("views %s: the log is\n%s", views, log.String())
		}
	}
}

// TestColumnsOfAnotherType: an application that has a column of Caravan's for something else is
// told so before anything is changed. One that is good enough is used.
func TestColumnsOfAnotherType(t *testing.T) {
	for _, odd := range []struct{ table, column, has, says string }{
		{"chat_messages", "extra", "blob", "is of type blob, and Caravan needs TEXT"},
		{"chat_messages", "extra", "integer", "is of type integer, and Caravan needs TEXT"},
		{"chat_messages", "deleted_at", "bool", "is of type bool, and Caravan needs TEXT"},
		{"chat_messages", "pinned_at", "integer", "is of type integer, and Caravan needs TEXT"},
		{"chat_messages", "client_id", "bigint", "is of type bigint, and Caravan needs TEXT"},
		{"chat_messages", "seq", "text", "is of type text, and Caravan needs INTEGER"},
		{"chat_messages", "rev", "real", "is of type real, and Caravan needs INTEGER"},
		{"chat_rooms", "first_seq", "datetime", "is of type datetime, and Caravan needs INTEGER"},
		{"chat_rooms", "slow_mode", "bool", "is of type bool, and Caravan needs INTEGER"},
		{"chat_messages", "extra", "json", ""}, {"chat_messages", "extra", "", ""}, {"chat_messages", "deleted_at", "datetime", ""},
		{"chat_messages", "pinned_at", "varchar(40)", ""}, {"chat_rooms", "slow_mode", "integer unsigned NOT NULL DEFAULT 0", ""},
	} {
		path := filepath.Join(t.TempDir(), "caravan.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(looseSchema + "ALTER TABLE " + odd.table + " ADD COLUMN " + odd.column + " " + odd.has); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(t.Context(), path, quiet)
		switch {
		case odd.says == "" && err != nil:
			t.Errorf("%s %s: %v", odd.column, odd.has, err)
		case odd.says != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower("column "+odd.column+" of "+odd.table+" "+odd.says))):
			t.Errorf("%s %s: %v; want %q", odd.column, odd.has, err, odd.says)
		}
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		var changed bool
		if err := db.QueryRow("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'chat_reads'").Scan(&changed); err != nil || changed != (odd.says == "") {
			t.Errorf("%s %s: changed: %v, %v", odd.column, odd.has, changed, err)
		}
	}
}

func TestTablesThatNoRowFitsIn(t *testing.T) {
	for name, odd := range map[string]struct{ from, to, column string }{
		"further column of messages": {"reply_to_id text", "reply_to_id text, priority integer NOT NULL", "priority"},
		"further column of rooms":    {"last_seq integer", "last_seq integer, owner text NOT NULL", "owner"},
		"every message a reply":      {"reply_to_id text", "reply_to_id text NOT NULL DEFAULT ''", "reply_to_id"},
		"missing column":             {"updated_at datetime,", "", "updated_at"},
		"missing column of users":    {"username text,", "", "users has no column username"},
		"harmless": {"chat_messages (id text PRIMARY KEY", "chat_messages (number INTEGER PRIMARY KEY NOT NULL, id text NOT NULL UNIQUE, " +
			"priority integer NOT NULL DEFAULT 1, size integer NOT NULL AS (length(content)), SENDER_ID_AGAIN text", ""},
	} {
		schema := strings.Replace(looseSchema, odd.from, odd.to, 1)
		path := filepath.Join(t.TempDir(), "caravan.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(schema); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(t.Context(), path, quiet)
		switch {
		case odd.column == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case odd.column != "" && (err == nil || !strings.Contains(err.Error(), odd.column)):
			t.Errorf("%s: %v; want an error that names %s", name, err, odd.column)
		}
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestIDsThatNobodyIsFoundBy: Django writes a UUID to SQLite without hyphens.
func TestIDsThatNobodyIsFoundBy(t *testing.T) {
	django := strings.ReplaceAll(looseSchema, "id text", "id char(32)")
	for name, odd := range map[string]struct{ schema, sql, table string }{
		"no rows yet":     {django, "DELETE FROM users", "users"},
		"without hyphens": {django, "UPDATE users SET id = replace(id, '-', '')", "users"},
		"in capitals":     {looseSchema, "UPDATE trips SET id = 'A' || upper(substr(id, 2))", "trips"},
		"bytes":           {looseSchema, "UPDATE collaborators SET user_id = x'00112233445566778899aabbccddeeff'", "collaborators"},
		"numbers":         {strings.Replace(looseSchema, "id text", "id int", 1), "UPDATE users SET id = 1", "users"},
		"numbers in views": {looseSchema, "ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT 7 AS id, email, username, first_name, last_name FROM people",
			"users"},
		"readable":             {looseSchema, "", ""},
		"readable in char(32)": {django, "", ""},
		"one of them readable": {looseSchema, "INSERT INTO users (id) VALUES ('0'), (NULL), (x'00')", ""},
		"nobody":               {looseSchema, "DELETE FROM users; DELETE FROM trips; UPDATE collaborators SET user_id = NULL", ""},
	} {
		a := adopt(t, odd.schema, 1)
		a.exec(odd.sql)
		s, err := sqlite.Open(t.Context(), a.path, quiet)
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		switch {
		case odd.table == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case odd.table != "" && (err == nil || !strings.Contains(err.Error(), odd.table)):
			t.Errorf("%s: %v; want an error that names %s", name, err, odd.table)
		}
		var changed bool
		if err := a.db.QueryRow("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'caravan_schema_version')").Scan(&changed); err != nil {
			t.Fatal(err)
		}
		if changed != (odd.table == "") {
			t.Errorf("%s: changed %t", name, changed)
		}
	}
}

// TestAColumnThatComesWhileServing must have a value: nobody's content is at fault, and the
// messages wait until the column is mended.
func TestAColumnThatComesWhileServing(t *testing.T) {
	a := adopt(t, looseSchema, 1)
	s := a.open(quiet)
	a.exec("DROP INDEX caravan_messages_client; DROP INDEX caravan_messages_client_key; ALTER TABLE chat_messages RENAME TO former")
	a.exec("CREATE TABLE chat_messages (id text, content text, message_type text, is_edited bool, created_at datetime, updated_at datetime, " +
		"chat_room_id text, reply_to_id text, sender_id text, seq integer, rev integer, client_id text, client_key integer, deleted_at text, pinned_at text, extra text, priority integer NOT NULL)")
	op := a.op(protocol.KindMessage, uuid.New(), 0)
	if err := s.Append(t.Context(), []*room.Op{op}, room.Within{}); !errors.Is(err, room.ErrNotStored) || !strings.Contains(err.Error(), "priority") || op.Outcome != room.Pending {
		t.Errorf("outcome %d, %v; want %v, and the column's name", op.Outcome, err, room.ErrNotStored)
	}
	a.exec("ALTER TABLE chat_messages DROP COLUMN priority")
	if err := s.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
		t.Errorf("mended: outcome %d, %v", op.Outcome, err)
	}
}
