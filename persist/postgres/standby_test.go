package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestNothingIsToldThatTheStandbyLacks: the synchronous standby is away, and a
// COMMIT that waits for it is given up, or ended in every way there is. A failover
// would lose the message, so nobody may hear of it.
func TestNothingIsToldThatTheStandbyLacks(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name    string
		ends    func(f *standbyFleet)
		visible bool // PostgreSQL shows the row then, which is beyond a client's power
	}{
		{"given up", nothing, false},
		{"canceled by an operator", func(f *standbyFleet) { f.harmWaiting("pg_cancel_backend(pid)") }, true},
		{"session terminated", func(f *standbyFleet) { f.harmWaiting("pg_terminate_backend(pid)") }, true},
		{"crash", func(f *standbyFleet) {
			f.awaitWaiting()
			if err := errors.Join(f.pg.Kill(), f.pg.Start()); err != nil {
				f.t.Fatal(err)
			}
		}, true},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			f := newStandbyFleet(t)
			stands := int64(1)
			for _, rows := range []int{1, 3, copyRowsMin} { // express, general, copied
				f.standbyAway()
				ops := make([]*room.Op, rows)
				for i := range ops {
					ops[i] = f.send(0, "not replicated")
					ops[i].ClientID = uuid.NewString()
				}
				f.mustNotTell(end.ends, ops...)
				if _, err := f.Message(t.Context(), ops[0].MessageID); end.visible != (err == nil) {
					t.Errorf("%d rows: after the wait for the standby was ended: %v", rows, err)
				}
				f.mustNotTell(nothing, ops...) // nor is it known when it is resent

				f.standbyBack()
				again := *ops[0]
				again.MessageID, again.Outcome = uuid.Must(uuid.NewV7()), room.Pending
				f.mustAppend(&again)
				if again.Outcome != room.Duplicate || again.Message.ID != ops[0].MessageID {
					t.Errorf("%d rows: the standby is back, and the resend's outcome is %d", rows, again.Outcome)
				}
				stands += int64(rows)
				f.mustStand(0, stands)
			}
		})
	}
}

func nothing(*standbyFleet) {}

// TestStandbyBackInTime: it returns while the outcome of a commit is looked up.
func TestStandbyBackInTime(t *testing.T) {
	t.Parallel()
	f := newStandbyFleet(t)
	f.wait.outcome = time.Minute
	f.standbyAway()
	op, done := f.send(0, "late"), make(chan error, 1)
	go func() { done <- f.Append(t.Context(), []*room.Op{op}, room.Within{}) }()
	f.harmWaiting("pg_terminate_backend(pid)") // committed, and not believed before the standby has it
	const atBarrier = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%pg_logical_emit_message%')"
	await.Until(t, "what asks for the outcome waits for the standby, too", func() (waits bool) {
		if err := f.readers.QueryRow(t.Context(), atBarrier).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		if len(done) > 0 {
			t.Fatalf("the standby is away: outcome %d, %v", op.Outcome, <-done)
		}
		return waits
	})
	f.standbyBack()
	if err := await.Value(t, "the outcome", done); err != nil || op.Outcome != room.Stored {
		t.Errorf("outcome %d, %v", op.Outcome, err)
	}
}

// TestStandbyAwayTakesFewSessions: each commit that waits for the standby keeps a
// session of the server, so they must not pile up, and what comes after them is known not to be stored.
func TestStandbyAwayTakesFewSessions(t *testing.T) {
	t.Parallel()
	f := newStandbyFleet(t)
	f.wait.transaction, f.wait.outcome = 200*time.Millisecond, 100*time.Millisecond
	f.standbyAway()
	unknown := 0
	for n := range 20 {
		op := f.send(n%len(f.rooms), "x")
		err := f.Append(t.Context(), []*room.Op{op}, room.Within{})
		switch {
		case op.Outcome != room.Pending:
			t.Fatalf("outcome %d", op.Outcome)
		case errors.Is(err, room.ErrOutcomeUnknown):
			unknown++
		case !errors.Is(err, room.ErrNotStored) || !errors.Is(err, room.ErrStoreDown):
			t.Fatal(err)
		}
	}
	if unknown == 0 || unknown > standbyWriters {
		t.Errorf("%d outcomes unknown with %d writers", unknown, standbyWriters)
	}
	if n := f.waiting(); n > 2*standbyWriters {
		t.Errorf("%d sessions wait for the standby", n)
	}
	f.wait.transaction, f.wait.outcome = await.Limit, await.Limit // a busy machine needs more for a commit
	f.standbyBack()
	for i := range f.rooms {
		f.mustAppend(f.send(i, "back"))
	}
}

// TestAWriteIsTriedAsMessagesAreWritten: it fails while they would, leaves no session
// behind that waits, and finds the standby again by itself.
func TestAWriteIsTriedAsMessagesAreWritten(t *testing.T) {
	t.Parallel()
	f := newStandbyFleet(t)
	if err := f.TryWrite(t.Context(), f.rooms[0]); err != nil {
		t.Fatal(err)
	}
	f.standbyAway()
	for range 3 {
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		if err := f.TryWrite(short, f.rooms[0]); err == nil {
			t.Error("the standby is away, and a write succeeds")
		}
		cancel()
	}
	await.Until(t, "no session waits for the standby", func() bool { return f.waiting() == 0 })
	f.standbyBack()
	await.Until(t, "a write succeeds again", func() bool { return f.TryWrite(t.Context(), f.rooms[0]) == nil })

	holder := f.session()
	mustExec(t, holder, "BEGIN")
	mustExec(t, holder, "SELECT FROM chat_rooms WHERE id = '"+f.rooms[0].String()+"' FOR UPDATE")
	if err := f.TryWrite(t.Context(), f.rooms[0]); err != nil {
		t.Errorf("one room is locked, and a write fails: %v", err)
	}
	f.standbyAway()
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	if err := f.TryWrite(short, f.rooms[0]); err == nil {
		t.Error("a room is locked and the standby away, and a write succeeds")
	}
	cancel()
	f.standbyBack()
	mustExec(t, holder, "ROLLBACK")

	mustExec(t, f.session(), "ALTER DATABASE "+f.session().Config().Database+" SET default_transaction_read_only = on")
	f.writers.Reset()
	if err := f.TryWrite(t.Context(), f.rooms[0]); !hasCode(err, codeReadOnly) {
		t.Errorf("in a read-only database: %v", err)
	}
}

// TestWhatIsKnownIsToldAgainOnceTheStandbyHasIt: the message may be one whose commit
// was cut on another node.
func TestWhatIsKnownIsToldAgainOnceTheStandbyHasIt(t *testing.T) {
	t.Parallel()
	f := newStandbyFleet(t)
	f.wait.transaction = time.Second
	op := f.send(0, "known")
	op.ClientID = "again"
	f.mustAppend(op)
	f.standbyAway()
	again := f.send(0, "known")
	again.ClientID = op.ClientID
	if err := f.Append(t.Context(), []*room.Op{again}, room.Within{}); !errors.Is(err, room.ErrNotStored) || again.Outcome != room.Pending {
		t.Errorf("the standby is away: outcome %d, %v", again.Outcome, err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := f.Settled(short); err == nil {
		t.Error("the standby is away, and all is settled")
	}
	f.standbyBack()
	if f.mustAppend(again); again.Outcome != room.Duplicate {
		t.Errorf("outcome %d, %v", again.Outcome, again.Err)
	}
}

// standbyFleet is a fleet on a server of its own that may lack its standby.
type standbyFleet struct {
	*fleet
	pg *pgserver.Server
}

const standbyWriters = 2

func newStandbyFleet(t *testing.T) *standbyFleet {
	pg := pgserver.Start(t)
	f := &standbyFleet{fleet: newFleet(t, Config{URL: pg.Database(t), Writers: standbyWriters}, 5), pg: pg}
	f.wait.transaction, f.wait.outcome = 2*time.Second, 500*time.Millisecond
	f.mustAppend(f.send(0, "before"))
	var warm [standbyWriters]*pgxpool.Conn // all there may be, idle when the standby goes
	for i := range warm {
		var err error
		if warm[i], err = f.writers.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range warm {
		conn.Release()
	}
	t.Cleanup(f.standbyBack) // or the database could not be dropped
	return f
}

// standbyAway returns when commits wait. The server's checkpointer lets them, which is
// some time after the sessions have read the setting.
func (f *standbyFleet) standbyAway() {
	f.t.Helper()
	f.setStandby("standby")
	probe, done := f.session(), make(chan struct{})
	go func() {
		defer close(done)
		for err := error(nil); err == nil; {
			_, err = probe.Exec(f.t.Context(), barrier)
		}
	}()
	f.harmWaiting("pg_terminate_backend(pid)")
	await.Done(f.t, "the end of the session that waited", done)
}

// standbyBack ends the waits as the standby's return does.
func (f *standbyFleet) standbyBack() { f.setStandby("") }

func (f *standbyFleet) setStandby(names string) {
	f.t.Helper()
	if err := f.pg.Set("synchronous_standby_names", names); err != nil {
		f.t.Fatal(err)
	}
}

// waiting counts the sessions whose COMMIT waits for the standby.
func (f *standbyFleet) waiting() (n int) {
	f.t.Helper()
	err := f.readers.QueryRow(f.t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&n)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *standbyFleet) awaitWaiting() {
	f.t.Helper()
	await.Until(f.t, "a commit waits for the standby", func() bool { return f.waiting() > 0 })
}

// harmWaiting does something to the one session that waits.
func (f *standbyFleet) harmWaiting(how string) {
	f.t.Helper()
	f.awaitWaiting()
	if _, err := f.readers.Exec(f.t.Context(), "SELECT "+how+" FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
		f.t.Fatal(err)
	}
}

// mustNotTell appends ops, which must stay without an outcome, whatever happens meanwhile.
func (f *standbyFleet) mustNotTell(happens func(*standbyFleet), ops ...*room.Op) {
	f.t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.Append(f.t.Context(), ops, room.Within{}) }()
	happens(f)
	err := await.Value(f.t, "the end of Append", done)
	if !errors.Is(err, room.ErrOutcomeUnknown) && !errors.Is(err, room.ErrNotStored) {
		f.t.Errorf("the standby is away: %v", err)
	}
	for _, op := range ops {
		if op.Outcome != room.Pending {
			f.t.Fatalf("the standby is away: outcome %d", op.Outcome)
		}
	}
}
