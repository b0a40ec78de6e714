package postgres

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// numbers asks what was written since the last time that it was asked.
type numbers struct {
	*fleet
	until room.Moment
}

func (n *numbers) next() room.Numbers {
	n.t.Helper()
	got, err := n.NumbersSince(n.t.Context(), n.until)
	if err != nil || got.Until == "" {
		n.t.Fatalf("%+v, %v", got, err)
	}
	n.until = got.Until
	n.pruning.under.Wait()
	return got
}

// want checks what was written.
func (n *numbers) want(doing string, of map[uuid.UUID]int64) {
	n.t.Helper()
	if got := n.next(); got.All || !maps.Equal(got.Of, of) {
		n.t.Errorf("%s: %+v, want %v", doing, got, of)
	}
}

// wantAll checks that the store says that it cannot tell, once.
func (n *numbers) wantAll(doing string) {
	n.t.Helper()
	if got := n.next(); !got.All || len(got.Of) > 0 {
		n.t.Errorf("%s: %+v, want that it cannot be told", doing, got)
	}
	n.want(doing+", later", nil)
}

func openNumbers(t *testing.T, rooms int) *numbers {
	n := &numbers{fleet: newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, rooms)}
	n.wantAll("without a moment")
	return n
}

// TestNumbersSince: each room whose number was written is told once, whoever wrote it.
func TestNumbersSince(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 3)
	n.mustAppend(n.send(0, "a"))
	n.mustAppend(n.send(0, "b"), n.send(1, "c"), n.send(0, "d"))
	n.want("messages", map[uuid.UUID]int64{n.rooms[0]: 3, n.rooms[1]: 1})
	n.exec("UPDATE chat_rooms SET last_seq = 7 WHERE id = $1", [16]byte(n.rooms[2]))
	n.want("by another program", map[uuid.UUID]int64{n.rooms[2]: 7})
	n.exec("UPDATE chat_rooms SET last_seq = last_seq - 1 WHERE id = $1", [16]byte(n.rooms[0]))
	n.mustAppend(n.send(0, "e"))
	n.want("set back, and on", map[uuid.UUID]int64{n.rooms[0]: -1})
	n.exec("DELETE FROM chat_rooms WHERE id = $1", [16]byte(n.rooms[1]))
	n.want("gone", map[uuid.UUID]int64{n.rooms[1]: -1})
	n.exec("INSERT INTO chat_rooms (id, trip_id, created_at, last_seq) VALUES ($1, $2, now(), 4)", [16]byte(n.rooms[1]), [16]byte(n.trips[1]))
	n.want("put back", map[uuid.UUID]int64{n.rooms[1]: -1})
	n.exec("SET session_replication_role = replica; UPDATE chat_rooms SET last_seq = 9 WHERE id = '" + n.rooms[2].String() + "'")
	n.want("as a replica does", map[uuid.UUID]int64{n.rooms[2]: 9})
	n.exec("TRUNCATE chat_rooms")
	n.wantAll("all gone")
}

// as opens a connection to the database of a role that may do what is said, and no more.
func (n *numbers) as(role, may string) *pgx.Conn {
	n.t.Helper()
	owner := n.session()
	mustExec(n.t, owner, "CREATE ROLE "+role+" LOGIN; "+may)
	conn, err := pgx.Connect(n.t.Context(), asRole(n.url, role))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { // before the one of owner
		_ = conn.Close(context.Background())
		if _, err := owner.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			n.t.Error(err)
		}
	})
	return conn
}

func asRole(url, role string) string { return strings.Replace(url, "://caravan@", "://"+role+"@", 1) }

// TestNumbersOfAnotherRole: who may write rooms alone notes what it writes, nowhere else than the
// owner says, and cannot use the function for more.
func TestNumbersOfAnotherRole(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 1)
	writer := n.as("numberwriter", "GRANT SELECT, UPDATE ON chat_rooms TO numberwriter")
	mustExec(t, writer, "CREATE TEMPORARY TABLE chat_numbers (chat_room_id uuid, seq bigint); GRANT ALL ON chat_numbers TO PUBLIC")
	mustExec(t, writer, "UPDATE chat_rooms SET last_seq = 3")
	n.want("written by another role", map[uuid.UUID]int64{n.rooms[0]: 3})
	var elsewhere int
	if err := writer.QueryRow(t.Context(), "SELECT count(*) FROM pg_temp.chat_numbers").Scan(&elsewhere); err != nil || elsewhere > 0 {
		t.Errorf("%d rows are noted in the writer's own table, %v", elsewhere, err)
	}
	mustExec(t, writer, "CREATE TEMPORARY TABLE mine (id uuid, last_seq bigint)")
	_, err := writer.Exec(t.Context(), "CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION public.caravan_note_number()")
	if !hasCode(err, codeForbidden) {
		t.Errorf("a trigger of another role's: %v", err)
	}
}

// TestWhatNodesMayNotDeleteIsSaid: once, with what has to be done, and by a checklist.
func TestWhatNodesMayNotDeleteIsSaid(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 1)
	n.as("numberreader", "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO numberreader")
	says(t, check(t, asRole(n.url, "numberreader")), "look permissions the role numberreader may not read or delete")
	var log lines
	s, err := Open(t.Context(), Config{URL: asRole(n.url, "numberreader"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		s.pruning.at = time.Now().Add(-2 * numbersKept)
		s.pruning.to = parseMoment(n.until)
		if _, err := s.NumbersSince(t.Context(), n.until); err != nil {
			t.Fatal(err)
		}
		s.pruning.under.Wait()
		if time.Since(s.pruning.at) > numbersKept {
			t.Error("it is tried again at once")
		}
	}
	if said := log.that("level=WARN", "chat_numbers grows", "GRANT SELECT, INSERT, UPDATE, DELETE ON chat_numbers", "numberreader"); said != 1 {
		t.Errorf("said %d times", said)
	}
}

// TestTriggersThatAreOffAreSaid: pg_restore --disable-triggers leaves them so that they do not
// fire for all.
func TestTriggersThatAreOffAreSaid(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 1)
	var log lines
	n.log = slog.New(slog.NewTextHandler(&log, nil))
	n.exec("ALTER TABLE chat_rooms DISABLE TRIGGER ALL; ALTER TABLE chat_rooms ENABLE TRIGGER ALL; ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_gone")
	for range 2 {
		if got := n.next(); !got.All {
			t.Errorf("%+v", got)
		}
	}
	if said := log.that("level=WARN", "ENABLE ALWAYS TRIGGER caravan_note_number, ENABLE ALWAYS"); said != 1 {
		t.Errorf("said %d times", said)
	}
	says(t, check(t, n.url), "look triggers of the triggers on chat_rooms caravan_note_number, caravan_note_set_back, caravan_note_put_back, caravan_note_emptied are off")
}

// TestARestoredDumpIsNotTakenForWhatWasThere: it brings the row of chat_numbers_kept that it was made
// with, into another database, into the same one, or into a younger cluster.
func TestARestoredDumpIsNotTakenForWhatWasThere(t *testing.T) {
	t.Parallel()
	n, restored := openNumbers(t, 1), openNumbers(t, 1)
	before := parseMoment(n.until)
	restored.exec("UPDATE chat_numbers_kept SET id = $1, pruned = '3'", [16]byte(before.kept))
	restored.until = n.until
	restored.wantAll("in another database")

	n.exec(`ALTER TABLE chat_rooms RENAME TO gone; CREATE TABLE chat_rooms (LIKE gone INCLUDING ALL); INSERT INTO chat_rooms SELECT * FROM gone;
		DO $$ DECLARE made text; BEGIN
			FOR made IN SELECT replace(pg_get_triggerdef(oid), 'public.gone', 'public.chat_rooms') FROM pg_trigger WHERE tgrelid = 'gone'::regclass AND tgname ~ '^caravan_note' LOOP
				EXECUTE made;
			END LOOP;
			FOR made IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'chat_rooms'::regclass LOOP
				EXECUTE format('ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER %I', made);
			END LOOP;
		END $$`)
	n.wantAll("in the same database")

	n.exec("UPDATE chat_numbers_kept SET pruned = '9000000000000000000'; INSERT INTO chat_numbers VALUES ('9000000000000000001', gen_random_uuid(), 7)")
	n.wantAll("in a younger cluster")
	n.pruning.at = time.Now().Add(-2 * numbersKept)
	n.want("once rows are deleted", nil)
	var left int
	if err := n.session().QueryRow(t.Context(), "SELECT count(*) FROM chat_numbers WHERE seq = 7").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d rows of a time to come are left, %v", left, err)
	}
}

// TestALateCommitIsTold: a transaction that began before others commits after them, and after
// they were told.
func TestALateCommitIsTold(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 2)
	late := n.session()
	mustExec(t, late, "BEGIN")
	mustExec(t, late, "UPDATE chat_rooms SET last_seq = 5 WHERE id = $1", [16]byte(n.rooms[1]))
	n.mustAppend(n.send(0, "a"))
	n.want("before it commits", map[uuid.UUID]int64{n.rooms[0]: 1})
	n.mustAppend(n.send(0, "b"))
	mustExec(t, late, "COMMIT")
	n.want("once it has", map[uuid.UUID]int64{n.rooms[0]: 2, n.rooms[1]: 5})
	n.want("later", nil)
	mustExec(t, late, "BEGIN")
	mustExec(t, late, "SAVEPOINT s")
	mustExec(t, late, "UPDATE chat_rooms SET last_seq = 6 WHERE id = $1", [16]byte(n.rooms[1]))
	n.want("while another one is under way", nil)
	mustExec(t, late, "COMMIT")
	n.want("of a subtransaction", map[uuid.UUID]int64{n.rooms[1]: 6})
}

// pruneNext has the next question delete what the last one has seen.
func (n *numbers) pruneNext() {
	n.pruning.at = time.Now().Add(-2 * numbersKept)
	n.pruning.to = parseMoment(n.until)
}

// TestALateCommitIsDeleted: after others that have a greater number were deleted.
func TestALateCommitIsDeleted(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 2)
	late := n.session()
	mustExec(t, late, "BEGIN")
	mustExec(t, late, "UPDATE chat_rooms SET last_seq = 5 WHERE id = $1", [16]byte(n.rooms[1]))
	for round, left := range []int{1, 0} { // in the first one its row is not seen
		n.mustAppend(n.send(0, "a"))
		n.next()
		n.pruneNext()
		n.mustAppend(n.send(0, "b"))
		n.next()
		if round == 0 {
			mustExec(t, late, "COMMIT")
		}
		var got int
		if err := late.QueryRow(t.Context(), "SELECT count(*) FROM chat_numbers WHERE seq = 5").Scan(&got); err != nil || got != left {
			t.Errorf("round %d: %d rows are left, %v", round, got, err)
		}
	}
}

// TestNumbersAreLookedUpByIndex: what is read are the rows that a snapshot has not seen, and what
// is deleted those of them that a later one has.
func TestNumbersAreLookedUpByIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	conn, err := f.readers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	scans := regexp.MustCompile(`Scan (using|on) caravan_numbers_xact\b`)
	for name, sql := range map[string]string{"selectNumbers": selectNumbers, "pruneNumbers": pruneNumbers} {
		plan := explain(t, conn.Conn(), name, sql)
		want := strings.Count(sql, "chat_numbers WHERE") + strings.Count(sql, "chat_numbers\n")
		if regexp.MustCompile(`Seq Scan on chat_numbers\b`).MatchString(plan) || len(scans.FindAllString(plan, -1)) != want {
			t.Errorf("%s, want %d scans of the index:\n%s", name, want, plan)
		}
	}
}

// TestWhatIsLostIsNotTakenForNothing: rows of chat_numbers that are deleted, emptied by a crash, or
// not written make the store say that it cannot tell.
func TestWhatIsLostIsNotTakenForNothing(t *testing.T) {
	t.Parallel()
	n := openNumbers(t, 1)
	n.exec("TRUNCATE chat_numbers, chat_numbers_kept") // as a crash, or a promotion, does
	n.wantAll("after a crash")
	n.exec("ALTER TABLE chat_rooms DISABLE TRIGGER caravan_note_number")
	if got := n.next(); !got.All {
		t.Errorf("with a trigger off: %+v", got)
	}
	n.exec("ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_number")
	n.wantAll("with the trigger on")
	n.exec("ALTER TABLE chat_rooms DISABLE TRIGGER caravan_note_number; UPDATE chat_rooms SET last_seq = 0; ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_number")
	n.wantAll("with the trigger off for an instant")

	asleep := &numbers{fleet: n.fleet, until: n.until}
	n.mustAppend(n.send(0, "a"))
	n.want("a message", map[uuid.UUID]int64{n.rooms[0]: 1})
	n.pruneNext()
	n.mustAppend(n.send(0, "b"))
	n.want("the look that deletes", map[uuid.UUID]int64{n.rooms[0]: 2})
	var least int64
	if err := n.session().QueryRow(t.Context(), "SELECT min(seq) FROM chat_numbers").Scan(&least); err != nil || least != 2 {
		t.Errorf("rows are left from %d on, %v", least, err)
	}
	n.mustAppend(n.send(0, "c"))
	n.want("who looks often misses nothing", map[uuid.UUID]int64{n.rooms[0]: 3})
	asleep.wantAll("who has slept")

	n.exec("ALTER TABLE chat_numbers_kept RENAME TO elsewhere")
	if got, err := n.NumbersSince(t.Context(), n.until); err != nil || !got.All {
		t.Errorf("without a table: %+v, %v", got, err)
	}
	n.exec("ALTER TABLE elsewhere RENAME TO chat_numbers_kept")

	for _, malformed := range []room.Moment{"x", "x/y/z", room.Moment(uuid.NewString()) + "/1:1:/now"} {
		if got, err := n.NumbersSince(t.Context(), malformed); err != nil || !got.All {
			t.Errorf("%q: %+v, %v", malformed, got, err)
		}
	}
}
