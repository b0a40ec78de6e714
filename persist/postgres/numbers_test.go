package postgres

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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
	n.exec("TRUNCATE chat_rooms")
	n.wantAll("all gone")
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

// TestNumbersAreLookedUpByIndex: what is read are the rows that a snapshot has not seen, and what
// is deleted those that it has.
func TestNumbersAreLookedUpByIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	conn, err := f.readers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for name, sql := range map[string]string{"selectNumbers": selectNumbers, "pruneNumbers": pruneNumbers} {
		plan := explain(t, conn.Conn(), name, sql)
		if strings.Contains(plan, "Seq Scan on chat_numbers ") || !strings.Contains(plan, "Index Scan using caravan_numbers_xact on chat_numbers") {
			t.Errorf("%s:\n%s", name, plan)
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
	n.want("with the trigger on", nil)

	asleep := &numbers{fleet: n.fleet, until: n.until}
	n.mustAppend(n.send(0, "a"))
	n.want("a message", map[uuid.UUID]int64{n.rooms[0]: 1})
	n.pruning.at = time.Now().Add(-2 * numbersKept)
	n.pruning.to = parseMoment(n.until)
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
