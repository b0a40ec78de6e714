package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// looseSchema is that of an application whose columns may all be NULL.
const looseSchema = `
	CREATE TABLE users (id uuid PRIMARY KEY, email varchar(254), username varchar(150), first_name varchar(150), last_name varchar(150));
	CREATE TABLE trips (id uuid PRIMARY KEY, title varchar(200));
	CREATE TABLE collaborators (trip_id uuid, user_id uuid);
	CREATE TABLE chat_rooms (id uuid PRIMARY KEY, trip_id uuid, created_at timestamp, last_seq bigint);
	CREATE TABLE chat_messages (id uuid PRIMARY KEY, content text, message_type varchar(20), is_edited boolean,
		created_at timestamp, updated_at timestamp, chat_room_id uuid, reply_to_id uuid, sender_id uuid);`

// looseFleet has that schema, one user and some rooms, in the database at url. It
// runs prepare before Caravan comes.
func looseFleet(t *testing.T, url string, log *slog.Logger, rooms int, prepare func(f *fleet)) *fleet {
	t.Helper()
	f := &fleet{t: t, url: url, user: protocol.User{ID: uuid.New(), Email: "ann@example.com"}}
	f.exec(looseSchema)
	f.exec("INSERT INTO users VALUES ($1, $2)", f.user.ID, f.user.Email)
	for range rooms {
		trip, home := uuid.New(), uuid.New()
		f.exec("INSERT INTO trips VALUES ($1, NULL)", trip)
		f.exec("INSERT INTO collaborators VALUES ($1, $2), (NULL, $2), ($1, NULL)", trip, f.user.ID)
		f.exec("INSERT INTO chat_rooms VALUES ($1, $2)", home, trip)
		f.rooms, f.trips = append(f.rooms, home), append(f.trips, trip)
	}
	prepare(f)
	f.Store = openStore(t, Config{URL: url, Log: log})
	return f
}

func TestNullsOfAnAdoptedTable(t *testing.T) {
	t.Parallel()
	old, quoting, roomless := uuid.New(), uuid.New(), uuid.New()
	f := looseFleet(t, pgserver.Shared(t).Database(t), quiet, 1, func(f *fleet) {
		f.exec("INSERT INTO chat_messages (id, chat_room_id) VALUES ($1, $2)", old, f.rooms[0])
		f.exec("INSERT INTO chat_messages (id, chat_room_id, reply_to_id, created_at) VALUES ($1, $2, $3, now())", quoting, f.rooms[0], old)
		f.exec("INSERT INTO chat_messages (id) VALUES ($1)", roomless)
	})
	home := f.rooms[0]

	epoch := time.Unix(0, 0).UTC()
	want := protocol.Message{ID: old, RoomID: home, Type: protocol.TypeText, CreatedAt: epoch, UpdatedAt: epoch, Seq: 2, Rev: 2}
	if got, err := f.Message(t.Context(), old); err != nil || got != want {
		t.Errorf("message %+v, %v; want %+v", got, err, want)
	}
	if _, err := f.Message(t.Context(), roomless); err != nil {
		t.Errorf("a message without a room: %v", err)
	}
	pages, err := f.Latest(t.Context(), f.rooms, room.Limit{Messages: 10})
	if err != nil || len(pages[0].Messages) != 2 {
		t.Fatalf("latest %+v, %v", pages, err)
	}
	if quote := pages[0].Messages[0].ReplyTo; quote == nil || *quote != (protocol.Reply{ID: old}) {
		t.Errorf("the quote of a message without content: %+v", quote)
	}
	answers, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: home}})
	if err != nil || !answers[0].Allowed || answers[0].Room.Seq != 2 || answers[0].User != f.user {
		t.Errorf("access %+v, %v", answers, err)
	}
	if page, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: 10}); err != nil || len(page.Rooms) != 1 || page.Rooms[0].Title != "" || page.Rooms[0].Last == nil {
		t.Errorf("rooms %+v, %v", page, err)
	}
	if heads, err := f.Heads(t.Context(), f.rooms); err != nil || heads[0].Seq != 2 {
		t.Errorf("heads %v, %v", heads, err)
	}

	reply := f.send(0, "new")
	reply.ReplyTo = old
	f.mustAppend(reply)
	if reply.Outcome != room.Stored || *reply.Message.ReplyTo != (protocol.Reply{ID: old}) {
		t.Errorf("a reply to it: outcome %d, %v, %+v", reply.Outcome, reply.Err, reply.Message)
	}
	edit := f.send(0, "nobody's")
	edit.Kind, edit.MessageID, edit.Row = protocol.KindEdit, old, uuid.New()
	if f.mustAppend(edit); edit.Err != protocol.ErrNotFound {
		t.Errorf("an edit of what nobody sent: outcome %d, %v", edit.Outcome, edit.Err)
	}
	f.exec("UPDATE chat_messages SET sender_id = $1", f.user.ID)
	edit.Outcome, edit.Err = room.Pending, nil
	if f.mustAppend(edit); edit.Outcome != room.Stored || edit.Message.Content != "nobody's" || edit.Message.Seq != 2 {
		t.Errorf("an edit of the sender's own: outcome %d, %v", edit.Outcome, edit.Err)
	}
}

// TestTimesOfAnAdoptedTable keeps them without a zone, in a database whose own zone is another.
func TestTimesOfAnAdoptedTable(t *testing.T) {
	t.Parallel()
	endless := uuid.New()
	f := looseFleet(t, pgserver.Shared(t).Database(t), quiet, 1, func(f *fleet) {
		f.exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''America/New_York''', current_database()); END $$")
		f.exec("INSERT INTO chat_messages (id, chat_room_id, created_at, updated_at) VALUES ($1, $2, 'infinity', '-infinity')", endless, f.rooms[0])
	})
	if m, err := f.Message(t.Context(), endless); err != nil || !m.CreatedAt.Equal(time.Unix(0, 0)) || !m.UpdatedAt.Equal(time.Unix(0, 0)) {
		t.Errorf("infinity: %+v, %v", m, err)
	}
	for _, n := range []int{1, 2, copyRowsMin} { // each is written in another way
		batch := make([]*room.Op, n)
		for i := range batch {
			batch[i] = f.send(0, "x")
		}
		f.mustAppend(batch...)
		if m, err := f.Message(t.Context(), batch[0].MessageID); err != nil || !m.CreatedAt.Equal(batch[0].At) {
			t.Errorf("%d rows: written at %v, read as %v, %v", n, batch[0].At, m.CreatedAt, err)
		}
	}
}

// encodedDatabase makes a database with another encoding than UTF-8.
func encodedDatabase(t *testing.T, encoding string) string {
	t.Helper()
	pg := pgserver.Shared(t)
	name := strings.ToLower(encoding) + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := pg.Exec("postgres", fmt.Sprintf("CREATE DATABASE %s ENCODING '%s' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'", name, encoding)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.DropDatabase(name); err != nil {
			t.Error(err)
		}
	})
	return pg.URL(name)
}

// lines are what is logged, safe for concurrent use.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// that returns how many lines have all of those words.
func (l *lines) that(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.buf.String()) {
		has := true
		for _, word := range words {
			has = has && strings.Contains(line, word)
		}
		if has {
			n++
		}
	}
	return n
}

// TestRowsThatCannotBeRead: the database does not know an encoding, and one room's
// texts are in none. Each call for that room alone shows what can be shown.
func TestRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var log lines
	bad, quoting, badUser := uuid.New(), uuid.New(), uuid.New()
	var trip [16]byte
	f := looseFleet(t, encodedDatabase(t, "SQL_ASCII"), slog.New(slog.NewTextHandler(&log, nil)), 2, func(f *fleet) {
		f.exec("INSERT INTO users VALUES ($1, 'bob@example.com', E'\\xff')", badUser)
		for _, home := range f.rooms {
			if err := f.session().QueryRow(t.Context(), "SELECT trip_id FROM chat_rooms WHERE id = $1", home).Scan(&trip); err != nil {
				t.Fatal(err)
			}
			f.exec("INSERT INTO collaborators VALUES ($1, $2)", trip, badUser)
		}
		f.exec("UPDATE trips SET title = E'\\xfe' WHERE id = $1", trip) // of the second room
		f.exec("INSERT INTO chat_messages VALUES ($1, E'\\xff', 'text', false, now(), now(), $2, NULL, $3)", bad, f.rooms[1], f.user.ID)
		f.exec("INSERT INTO chat_messages VALUES ($1, 'quoting', 'text', false, 'tomorrow', now(), $2, $3, $4)", quoting, f.rooms[1], bad, badUser)
	})
	f.mustAppend(f.send(0, "good"))

	if _, err := f.Latest(t.Context(), f.rooms, room.Limit{Messages: 10}); !errors.Is(err, room.ErrUnreadable) || errors.Is(err, room.ErrStoreDown) {
		t.Fatalf("both rooms in one look: %v; want an error of the data", err)
	}
	reads := map[string]func() (room.Page, error){
		"latest": func() (room.Page, error) {
			pages, err := f.Latest(t.Context(), f.rooms[1:], room.Limit{Messages: 10})
			return append(pages, room.Page{})[0], err
		},
		"walk": func() (room.Page, error) {
			return room.Changes(t.Context(), f, room.SinceQuery{Room: f.rooms[1], Limit: 10})
		},
		"before": func() (room.Page, error) { return f.Before(t.Context(), f.rooms[1], 9, room.Limit{Messages: 10}) },
		"after":  func() (room.Page, error) { return f.After(t.Context(), f.rooms[1], 0, room.Limit{Messages: 10}) },
	}
	for name, read := range reads {
		page, err := read()
		if err != nil || page.Seq != 2 || len(page.Messages) != 2 {
			t.Fatalf("%s: %+v, %v", name, page, err)
		}
		m, quote := page.Messages[0], page.Messages[1]
		if m.ID != bad || m.Content != "" || m.Seq != 1 || m.Sender != f.user || m.CreatedAt.Before(time.Unix(1, 0)) {
			t.Errorf("%s: what cannot be read is shown as %+v", name, m)
		}
		if quote.ID != quoting || quote.Content != "quoting" || quote.Sender != (protocol.User{ID: badUser}) ||
			*quote.ReplyTo != (protocol.Reply{ID: bad, SenderEmail: f.user.Email}) {
			t.Errorf("%s: what quotes it is shown as %+v, %+v", name, quote, quote.ReplyTo)
		}
	}
	if m, err := f.Message(t.Context(), bad); err != nil || m.ID != bad {
		t.Errorf("message: %+v, %v", m, err)
	}
	questions := []room.AccessQuestion{{User: badUser, Place: f.rooms[1]}, {User: f.user.ID, Place: f.rooms[0]}}
	if _, err := f.Access(t.Context(), questions); !errors.Is(err, room.ErrUnreadable) || errors.Is(err, room.ErrStoreDown) {
		t.Errorf("both in one look: %v; want an error of the data", err)
	}
	if a, err := f.Access(t.Context(), questions[:1]); err != nil || !a[0].Allowed || a[0].User.ID != badUser || a[0].Room.ID != f.rooms[1] {
		t.Errorf("access: %+v, %v", a, err)
	}
	if page, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: 10}); err != nil || len(page.Rooms) != 2 || page.Rooms[0].Last == nil || page.Rooms[1].Last == nil {
		t.Errorf("rooms: %+v, %v", page, err)
	}
	for _, row := range [][2]any{{"chat_messages", bad}, {"users", badUser}, {"trips", uuid.UUID(trip)}} {
		if n := log.that("table="+row[0].(string), fmt.Sprint("id=", row[1])); n != 1 {
			t.Errorf("%d log lines name %v", n, row)
		}
	}
}

// TestRolesOfAnAdoptedTable: one without roles, one that gets them while Caravan runs, and
// rows of which there are two, or that cannot be read.
func TestRolesOfAnAdoptedTable(t *testing.T) {
	t.Parallel()
	var log lines
	f := looseFleet(t, encodedDatabase(t, "SQL_ASCII"), slog.New(slog.NewTextHandler(&log, nil)), 1, func(f *fleet) {
		f.exec("ALTER TABLE users ADD COLUMN role text DEFAULT 'staff'")
		f.exec("ALTER TABLE trips ADD COLUMN role text DEFAULT 'trip'")
	})
	must := func(role string) {
		t.Helper()
		a, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}})
		if err != nil || !a[0].Allowed || a[0].Role != role || a[0].User.ID != f.user.ID {
			t.Errorf("access %+v, %v; want role %q", a, err, role)
		}
	}
	must("")
	f.exec("CREATE TYPE rank_in_trip AS ENUM ('viewer', 'owner'); ALTER TABLE collaborators ADD COLUMN role rank_in_trip")
	must("")
	f.exec("UPDATE collaborators SET role = 'owner'")
	must("owner")
	f.exec("INSERT INTO collaborators (trip_id, user_id, role) VALUES ($1, $2, NULL)", f.trips[0], f.user.ID)
	must("owner")
	f.exec("UPDATE collaborators SET role = 'viewer' WHERE role IS NULL")
	must("owner")
	f.exec("ALTER TABLE collaborators ALTER COLUMN role TYPE text")
	must("owner")
	f.exec("UPDATE collaborators SET role = E'\\xff'")
	must("")
	if log.that("table=collaborators", fmt.Sprint("id=", f.user.ID)) == 0 {
		t.Error("no line of the log names the role that cannot be read")
	}
	f.exec("UPDATE collaborators SET role = 'owner'")
	f.exec("UPDATE users SET username = E'\\xff'")
	must("owner")
}

// TestALongRoomWithAFewOddRows keeps its order.
func TestALongRoomWithAFewOddRows(t *testing.T) {
	t.Parallel()
	f := looseFleet(t, encodedDatabase(t, "SQL_ASCII"), quiet, 1, func(*fleet) {})
	batch := make([]*room.Op, 200)
	for i := range batch {
		batch[i] = f.send(0, "x")
	}
	f.mustAppend(batch...)
	f.exec("UPDATE chat_messages SET content = E'\\xff' WHERE seq IN (1, 77, 78, 200)")
	walk, err := f.Walk(t.Context(), room.WalkQuery{Room: f.rooms[0], Limit: room.Limit{Messages: 500}})
	if err != nil || len(walk.Entries) != 200 || walk.Entries[99].Message.ID != batch[99].MessageID || walk.Entries[76].Message.Content != "" {
		t.Errorf("a walk of %d entries, %v", len(walk.Entries), err)
	}
	page, err := f.After(t.Context(), f.rooms[0], 0, room.Limit{Messages: 500})
	if err != nil || len(page.Messages) != 200 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	for i, m := range page.Messages {
		odd := m.Seq == 1 || m.Seq == 77 || m.Seq == 78 || m.Seq == 200
		if m.ID != batch[i].MessageID || m.Seq != int64(i)+1 || odd != (m.Content == "") {
			t.Errorf("message %d is %+v", i, m)
		}
	}
}

// TestOpsOnRowsThatCannotBeRead are refused alone.
func TestOpsOnRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var log lines
	bad := uuid.New()
	f := looseFleet(t, encodedDatabase(t, "SQL_ASCII"), slog.New(slog.NewTextHandler(&log, nil)), 2, func(f *fleet) {
		f.exec("INSERT INTO chat_messages VALUES ($1, E'\\xff', 'text', false, now(), now(), $2, NULL, $3)", bad, f.rooms[1], f.user.ID)
	})
	edit, quote := f.send(1, "edited"), f.send(1, "quoting")
	edit.Kind, edit.MessageID, edit.Row = protocol.KindEdit, bad, uuid.New()
	quote.ReplyTo = bad
	good := []*room.Op{f.send(0, "1"), f.send(1, "2"), f.send(0, "3")}
	f.mustAppend(good[0], edit, good[1], quote, good[2])
	for _, op := range []*room.Op{edit, quote} {
		if op.Outcome != room.Refused {
			t.Errorf("%s: outcome %d", op.Content, op.Outcome)
		}
	}
	for _, op := range good {
		if op.Outcome != room.Stored {
			t.Errorf("%s: outcome %d, %v", op.Content, op.Outcome, op.Err)
		}
	}
	if n := log.that("table=chat_messages", bad.String()); n != 1 {
		t.Errorf("%d log lines name the row", n)
	}
}

// TestDamagedRow has one user's row in a damaged page, as the server says it.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	var log lines
	bob := protocol.User{ID: uuid.New()}
	sent := uuid.New()
	f := looseFleet(t, pgserver.Shared(t).Database(t), slog.New(slog.NewTextHandler(&log, nil)), 1, func(f *fleet) {
		f.exec("INSERT INTO users (id, email) VALUES ($1, 'bob@example.com')", bob.ID)
		f.exec("INSERT INTO collaborators SELECT trip_id, $1 FROM chat_rooms", bob.ID)
		f.exec("INSERT INTO chat_messages VALUES ($1, 'of Bob', 'text', false, now(), now(), $2, NULL, $3)", sent, f.rooms[0], bob.ID)
		f.exec(`ALTER TABLE users RENAME TO people;
			CREATE FUNCTION stored(email text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN
				IF email LIKE 'bob%' THEN RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'; END IF;
				RETURN email;
			END $$;
			CREATE VIEW users AS SELECT id, stored(email) AS email, username, first_name, last_name FROM people`)
	})
	questions := []room.AccessQuestion{{User: bob.ID, Place: f.rooms[0]}, {User: f.user.ID, Place: f.rooms[0]}}
	if _, err := f.Access(t.Context(), questions); !errors.Is(err, room.ErrUnreadable) || errors.Is(err, room.ErrStoreDown) {
		t.Errorf("both in one look: %v", err)
	}
	for _, q := range questions {
		if a, err := f.Access(t.Context(), []room.AccessQuestion{q}); err != nil || !a[0].Allowed || a[0].User.ID != q.User {
			t.Errorf("access: %+v, %v", a, err)
		}
	}
	if m, err := f.Message(t.Context(), sent); err != nil || m.Content != "of Bob" || m.Sender != bob {
		t.Errorf("message %+v, %v", m, err)
	}
	edit, good := f.send(0, "edited"), f.send(0, "good")
	edit.Kind, edit.MessageID, edit.Sender = protocol.KindEdit, sent, bob
	f.mustAppend(edit, good)
	if edit.Err != protocol.ErrInternal || good.Outcome != room.Stored {
		t.Errorf("edit: outcome %d, %v; beside it: outcome %d, %v", edit.Outcome, edit.Err, good.Outcome, good.Err)
	}
	if n := log.that("table=users", bob.ID.String()); n != 1 {
		t.Errorf("%d log lines name the row", n)
	}
}

// TestDatabaseThatIsNotInUTF8 gives back what was written, and refuses alone what it
// has no character for.
func TestDatabaseThatIsNotInUTF8(t *testing.T) {
	t.Parallel()
	url := encodedDatabase(t, "LATIN1")
	for _, parameter := range []string{"", "&client_encoding=LATIN1"} {
		f := newFleet(t, Config{URL: url + parameter}, 1)
		for _, n := range []int{0, 1, copyRowsMin} {
			word, euro := f.send(0, "Straße, déjà vu"), f.send(0, "12 €")
			batch := []*room.Op{word, euro}
			for range n {
				batch = append(batch, f.send(0, "ordinary"))
			}
			f.mustAppend(batch...)
			if m, err := f.Message(t.Context(), word.MessageID); err != nil || m.Content != word.Content {
				t.Errorf("beside %d: %q, %v", n, m.Content, err)
			}
			if euro.Outcome != room.Refused || euro.Err != protocol.ErrInvalidContent {
				t.Errorf("beside %d: outcome %d, %v", n, euro.Outcome, euro.Err)
			}
			for _, op := range batch[2:] {
				if op.Outcome != room.Stored {
					t.Errorf("beside %d: outcome %d, %v", n, op.Outcome, op.Err)
				}
			}
		}
		var stored int
		if err := f.session().QueryRow(t.Context(), "SELECT count(*) FROM chat_messages WHERE octet_length(content) = 15").Scan(&stored); err != nil || stored != 3 {
			t.Errorf("%d rows are in the database's own encoding, %v", stored, err)
		}
		f.exec("DELETE FROM chat_messages")
	}
}
