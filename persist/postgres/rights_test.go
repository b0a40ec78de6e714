package postgres

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// rights asks whose rights may have changed since the last time that it was asked.
type rights struct {
	*fleet
	until room.Moment
}

func openRights(t *testing.T, trips int) *rights {
	t.Helper()
	r := &rights{fleet: newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, trips)}
	r.wantAll("without triggers")
	r.wantAll("without triggers, later")
	r.triggers(false)
	r.wantAll("without a moment")
	r.want("nothing was written")
	return r
}

// triggers runs what is printed for an operator.
func (r *rights) triggers(drop bool) {
	r.t.Helper()
	sql, err := RightsTriggers(r.t.Context(), Config{URL: r.url}, drop)
	if err != nil {
		r.t.Fatal(err)
	}
	r.exec(sql)
}

func (r *rights) next() room.Rights {
	r.t.Helper()
	got, err := r.RightsSince(r.t.Context(), r.until)
	if err != nil {
		r.t.Fatal(err)
	}
	r.until = got.Until
	r.rights.under.Wait()
	return got
}

func (r *rights) wantAll(doing string) {
	r.t.Helper()
	if got := r.next(); !got.All {
		r.t.Errorf("%s: %+v, want that it cannot be told", doing, got)
	}
}

// member is a user in a trip; the zero id is everybody, or every trip.
type member struct{ user, trip uuid.UUID }

// want checks whose rights may have changed, and that nobody else's have.
func (r *rights) want(doing string, of ...member) {
	r.t.Helper()
	var want room.Rights
	for _, m := range of {
		want.Note(m.user, m.trip)
	}
	got := r.next()
	all := []member{{uuid.New(), uuid.New()}}
	for _, m := range of {
		all = append(all, member{m.user, uuid.New()}, member{uuid.New(), m.trip}, m)
	}
	for _, m := range all {
		if got.All || got.Concern(m.user, m.trip) != want.Concern(m.user, m.trip) {
			r.t.Errorf("%s: %+v, want %+v: differs for %v", doing, got, want, m)
		}
	}
}

// TestRightsSince: whoever writes what the rights are made of is noted, once, and what else is written is not.
func TestRightsSince(t *testing.T) {
	t.Parallel()
	r := openRights(t, 2)
	ada, trip, other := r.user.ID, r.trips[0], r.trips[1]
	var all uuid.UUID
	untold := []member{{all, all}}
	for _, x := range []struct {
		doing, sql string
		args       []any
		want       []member
	}{
		{"another name", "UPDATE users SET username = 'ada2' WHERE id = $1", []any{[16]byte(ada)}, []member{{ada, all}}},
		{"the same name", "UPDATE users SET username = 'ada2' WHERE id = $1", []any{[16]byte(ada)}, nil},
		{"a new column", "ALTER TABLE users ADD COLUMN last_login timestamptz, ADD COLUMN is_active boolean NOT NULL DEFAULT true", nil, untold},
		{"what does not matter", "UPDATE users SET last_login = now() WHERE id = $1", []any{[16]byte(ada)}, nil},
		{"made inactive", "UPDATE users SET is_active = false WHERE id = $1", []any{[16]byte(ada)}, []member{{ada, all}}},
		{"other types", "ALTER TABLE users ALTER COLUMN username TYPE varchar(300), DROP COLUMN last_name CASCADE", nil, untold},
		{"as a replica does", "SET session_replication_role = replica; UPDATE users SET is_active = true", nil, []member{{ada, all}}},
		{"another role", "UPDATE collaborators SET role = 'owner' WHERE trip_id = $1", []any{[16]byte(trip)}, []member{{ada, trip}}},
		{"taken out", "DELETE FROM collaborators WHERE trip_id = $1", []any{[16]byte(trip)}, []member{{ada, trip}}},
		{"let in, and moved", "WITH x AS (SELECT $1::uuid AS t, $2::uuid AS u, $3::uuid AS o) INSERT INTO collaborators (trip_id, user_id) SELECT t, u FROM x",
			[]any{[16]byte(trip), [16]byte(ada), [16]byte(other)}, []member{{ada, trip}}},
		{"another title", "UPDATE trips SET title = 'another'", nil, nil},
		{"settings of a room", "UPDATE chat_rooms SET slow_mode = 3 WHERE trip_id = $1", []any{[16]byte(other)}, []member{{all, other}}},
		{"a trip is gone", "DELETE FROM trips WHERE id = $1", []any{[16]byte(trip)}, []member{{all, trip}}}, // its collaborators as well
	} {
		r.exec(x.sql, x.args...)
		if slices.Equal(x.want, untold) {
			r.wantAll(x.doing)
			x.want = nil
		}
		r.want(x.doing, x.want...)
	}
	r.mustAppend(r.send(1, "a message"))
	r.want("a message")
	r.exec("TRUNCATE users CASCADE")
	r.wantAll("all are gone")
	r.want("all are gone, later")
}

// TestALateCommitOfRightsIsFound: a transaction that began before a look and ends after it.
func TestALateCommitOfRightsIsFound(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	late := r.session()
	mustExec(t, late, "BEGIN")
	mustExec(t, late, "DELETE FROM collaborators")
	r.exec("UPDATE users SET username = 'x'")
	r.want("before the commit", member{user: r.user.ID})
	mustExec(t, late, "COMMIT")
	r.want("after the commit", member{r.user.ID, r.trips[0]})
}

// TestRightsCannotBeToldWithoutAllTriggers, nor after notes were lost.
func TestRightsCannotBeToldWithoutAllTriggers(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"off":              "ALTER TABLE collaborators DISABLE TRIGGER caravan_note_right",
		"off for replicas": "ALTER TABLE users ENABLE TRIGGER caravan_note_right",
		"gone":             "DROP TRIGGER caravan_note_right_emptied ON trips",
		"a child":          "CREATE TABLE more (LIKE collaborators INCLUDING ALL); ALTER TABLE more INHERIT collaborators",
		"a view":           "ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people",
		"no tables":        "DROP TABLE chat_rights_kept",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := openRights(t, 1)
			r.exec(sql)
			r.wantAll(name)
			r.wantAll(name + ", later")
		})
	}
	t.Run("another table in its place", func(t *testing.T) {
		t.Parallel()
		r := openRights(t, 1)
		r.exec("ALTER TABLE collaborators RENAME TO former; CREATE TABLE collaborators AS SELECT * FROM former")
		r.wantAll("without triggers")
		r.triggers(false)
		r.wantAll("with triggers again")
		r.want("later")
	})
	t.Run("deleted unseen", func(t *testing.T) {
		t.Parallel()
		r := openRights(t, 1)
		r.exec("DELETE FROM collaborators")
		other := openStore(t, Config{URL: r.url, Log: quiet})
		later, err := other.RightsSince(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		r.exec("UPDATE users SET username = 'x'")
		for range 2 {
			other.rights.at = time.Now().Add(-2 * rightsKept)
			if later, err = other.RightsSince(t.Context(), later.Until); err != nil {
				t.Fatal(err)
			}
			other.rights.under.Wait()
		}
		var left int
		if err := r.session().QueryRow(t.Context(), "SELECT count(*) FROM chat_rights").Scan(&left); err != nil || left > 0 {
			t.Errorf("%d notes are left, %v", left, err)
		}
		r.wantAll("what it has not seen was deleted")
	})
}

// TestWhoAsksIsAnsweredBeforeNotesAreDeleted: that may have to wait for others, and gives up.
func TestWhoAsksIsAnsweredBeforeNotesAreDeleted(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	holds := r.session()
	mustExec(t, holds, "BEGIN")
	mustExec(t, holds, "LOCK chat_rights_kept IN EXCLUSIVE MODE") // it may be read
	r.rights.at = time.Now().Add(-2 * rightsKept)
	got, err := r.RightsSince(t.Context(), r.until)
	if err != nil || got.All {
		t.Fatalf("%+v, %v", got, err)
	}
	r.rights.under.Wait() // the lock is held
	if !r.rights.undeleted.Load() || time.Since(r.rights.at) > rightsKept {
		t.Error("deleting did not give up")
	}
	mustExec(t, holds, "COMMIT")
	r.rights.at = time.Now().Add(-2 * rightsKept)
	r.want("it is tried again")
	if r.rights.undeleted.Load() {
		t.Error("notes are not deleted")
	}
}

// TestWhatWritesNoRowIsNoticed: it may have changed anybody's rights, and so may what was written while a trigger
// was off or gone for an instant.
func TestWhatWritesNoRowIsNoticed(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	for _, x := range [][2]string{
		{"off for an instant", "ALTER TABLE collaborators DISABLE TRIGGER caravan_note_right; DELETE FROM collaborators; ALTER TABLE collaborators ENABLE ALWAYS TRIGGER caravan_note_right"},
		{"made anew", `DO $$ DECLARE made text := (SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname = 'caravan_note_right'); BEGIN
			DROP TRIGGER caravan_note_right ON users;
			UPDATE users SET username = 'made anew';
			EXECUTE made;
			ALTER TABLE users ENABLE ALWAYS TRIGGER caravan_note_right;
		END $$`},
		{"a column that counts", "ALTER TABLE users ADD COLUMN is_active boolean NOT NULL DEFAULT false"},
		{"other values", "ALTER TABLE collaborators ALTER COLUMN role TYPE varchar(99) USING 'viewer'"},
		{"a column less", "ALTER TABLE collaborators DROP COLUMN role CASCADE"},
	} {
		r.exec(x[1])
		r.wantAll(x[0])
		r.want(x[0] + ", later")
	}
}

// TestTheTriggersCallNothingOfOthers: they would run it as the owner of the application's tables.
func TestTheTriggersCallNothingOfOthers(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	n := &numbers{fleet: r.fleet}
	hostile := n.as("rightshostile", "GRANT CREATE ON SCHEMA public TO rightshostile; CREATE TABLE called (role text); GRANT INSERT ON called TO rightshostile")
	mustExec(t, hostile, `CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.called VALUES (current_user);
			RETURN QUERY SELECT pg_catalog.unnest($1);
		END $$`)
	for _, f := range []string{"to_jsonb(record)", "to_jsonb(users)", "to_jsonb(collaborators)"} {
		mustExec(t, hostile, `CREATE FUNCTION public.`+f+` RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.called VALUES (current_user);
			RETURN '{}';
		END $$`)
	}
	owner := r.session()
	mustExec(t, owner, "SELECT FROM unnest('{a}'::text[])") // so much for what is not qualified
	var called int
	count := func() int {
		t.Helper()
		if err := owner.QueryRow(t.Context(), "SELECT count(*) FROM called").Scan(&called); err != nil {
			t.Fatal(err)
		}
		return called
	}
	if count() != 1 {
		t.Fatalf("what is hostile was called %d times", called)
	}
	mustExec(t, owner, "UPDATE collaborators SET role = 'owner'; UPDATE users SET username = 'x'")
	if count() != 1 {
		t.Errorf("what is hostile was called %d times by triggers", called-1)
	}
	r.want("all the same", member{r.user.ID, r.trips[0]}, member{user: r.user.ID})
}

// TestNotesOfSomebodyElseAreNotUsed: they may have triggers that would run as the owner of the application's tables.
func TestNotesOfSomebodyElseAreNotUsed(t *testing.T) {
	t.Parallel()
	n := &numbers{fleet: newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)}
	forger := n.as("rightsforger", "GRANT CREATE ON SCHEMA public TO rightsforger")
	mustExec(t, forger, "CREATE TABLE public.chat_rights (xact xid8 NOT NULL DEFAULT pg_current_xact_id(), user_id text, trip_id text)")
	sql, err := RightsTriggers(t.Context(), Config{URL: n.url}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.session().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "somebody else owns chat_rights") {
		t.Errorf("got %v", err)
	}
}

// TestWhoWritesNeedsNoRightOnTheNotes, and the triggers can be taken away again, by psql as well.
func TestWhoWritesNeedsNoRightOnTheNotes(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	n := &numbers{fleet: r.fleet}
	writer := n.as("rightswriter", "GRANT SELECT, UPDATE, DELETE ON users, collaborators TO rightswriter")
	mustExec(t, writer, "DELETE FROM collaborators")
	r.want("by another role", member{r.user.ID, r.trips[0]})
	sql, err := RightsTriggers(t.Context(), Config{URL: r.url}, true)
	if err != nil {
		t.Fatal(err)
	}
	psql := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", r.url)
	psql.Stdin = strings.NewReader(sql)
	if out, err := psql.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%v: %s", err, out)
	} else if err != nil {
		r.exec(sql)
	}
	mustExec(t, writer, "UPDATE users SET username = 'x'")
	r.wantAll("without triggers")
}

// TestTriggersOfARenamedTableAreTakenAwayAsWell.
func TestTriggersOfARenamedTableAreTakenAwayAsWell(t *testing.T) {
	t.Parallel()
	r := openRights(t, 1)
	r.exec(`ALTER TABLE collaborators RENAME TO "Former ones"`)
	r.triggers(true)
	var left int
	if err := r.session().QueryRow(t.Context(), "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^caravan_note_right'").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d triggers are left, %v", left, err)
	}
}

// TestTriggersThatWouldNotSeeAllAreNotMade.
func TestTriggersThatWouldNotSeeAllAreNotMade(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"a view":             "ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people",
		"a table with parts": "ALTER TABLE collaborators RENAME TO former; CREATE TABLE collaborators (LIKE former) PARTITION BY HASH (trip_id)",
		"inherited":          "CREATE TABLE more (LIKE trips); ALTER TABLE more INHERIT trips",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
			f.exec(sql)
			if got, err := RightsTriggers(t.Context(), Config{URL: f.url}, false); !errors.Is(err, ErrNoTriggers) {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}
