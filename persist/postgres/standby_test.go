package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestNothingIsToldThatTheStandbyLacks: the synchronous standby is away, and a
// COMMIT that waits for it is given up, or ended in every way there is. A failover
// would lose the message, so nobody may hear of it.
func TestNothingIsToldThatTheStandbyLacks(t *testing.T) {
	for _, end := range []struct {
		name    string
		ends    func(f *standbyFleet)
		visible bool // PostgreSQL shows the row then, which is beyond a client's power
	}{
		{"given up", func(*standbyFleet) {}, false},
		{"canceled by an operator", func(f *standbyFleet) { f.harmWaiting("pg_cancel_backend(pid)") }, true},
		{"session terminated", func(f *standbyFleet) { f.harmWaiting("pg_terminate_backend(pid)") }, true},
		{"crash", func(f *standbyFleet) {
			f.waitFor(1)
			if err := errors.Join(f.pg.Kill(), f.pg.Start()); err != nil {
				f.t.Error(err)
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
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					end.ends(f)
				}()
				f.mustNotTell(ops...)
				<-ended
				if _, err := f.Message(t.Context(), ops[0].ID); end.visible != (err == nil) {
					t.Errorf("%d rows: after the wait for the standby was ended: %v", rows, err)
				}
				f.mustNotTell(ops...) // nor is it known when it is resent

				f.standbyBack()
				again := *ops[0]
				again.ID, again.Outcome = uuid.Must(uuid.NewV7()), room.Pending
				f.mustAppend(&again)
				if again.Outcome != room.Duplicate || again.Message.ID != ops[0].ID {
					t.Errorf("%d rows: the standby is back, and the resend's outcome is %d", rows, again.Outcome)
				}
				stands += int64(rows)
				f.mustStand(0, stands)
			}
		})
	}
}

// TestStandbyBackInTime: it returns while the outcome of a commit is looked up.
func TestStandbyBackInTime(t *testing.T) {
	f := newStandbyFleet(t)
	f.wait.outcome = time.Minute
	f.standbyAway()
	op, done := f.send(0, "late"), make(chan error, 1)
	go func() { done <- f.Append(t.Context(), []*room.Op{op}) }()
	f.harmWaiting("pg_terminate_backend(pid)") // committed, and not believed before the standby has it
	select {
	case err := <-done:
		t.Fatalf("the standby is away: outcome %d, %v", op.Outcome, err)
	case <-time.After(2 * time.Second):
	}
	f.standbyBack()
	if err := <-done; err != nil || op.Outcome != room.Stored {
		t.Errorf("outcome %d, %v", op.Outcome, err)
	}
}

// TestStandbyAwayTakesFewSessions: each commit that waits for the standby keeps a
// session of the server, so they must not pile up, and what comes after them is known not to be stored.
func TestStandbyAwayTakesFewSessions(t *testing.T) {
	f := newStandbyFleet(t)
	f.wait.transaction, f.wait.outcome = 200*time.Millisecond, 100*time.Millisecond
	f.standbyAway()
	unknown := 0
	for n := range 20 {
		op := f.send(n%len(f.rooms), "x")
		err := f.Append(t.Context(), []*room.Op{op})
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
	f.standbyBack()
	for i := range f.rooms {
		f.mustAppend(f.send(i, "back"))
	}
}

// TestWhatIsKnownIsToldAgainOnceTheStandbyHasIt: the message may be one whose commit
// was cut on another node.
func TestWhatIsKnownIsToldAgainOnceTheStandbyHasIt(t *testing.T) {
	f := newStandbyFleet(t)
	f.wait.transaction = time.Second
	op := f.send(0, "known")
	op.ClientID = "again"
	f.mustAppend(op)
	f.standbyAway()
	again := f.send(0, "known")
	again.ClientID = op.ClientID
	if err := f.Append(t.Context(), []*room.Op{again}); !errors.Is(err, room.ErrNotStored) || again.Outcome != room.Pending {
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
	f.wait.transaction, f.wait.outcome = 2*time.Second, 2*time.Second
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

func (f *standbyFleet) standbyAway() { f.setStandby("'standby'") }
func (f *standbyFleet) standbyBack() { f.setStandby("''") } // which ends the waits as its return does

func (f *standbyFleet) setStandby(names string) {
	f.t.Helper()
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = " + names, "SELECT pg_reload_conf()"} {
		if _, err := f.pg.Exec("postgres", sql); err != nil {
			f.t.Fatal(err)
		}
	}
	for now := ""; now != names; {
		conn, err := pgx.Connect(context.Background(), f.url)
		if err != nil {
			f.t.Fatal(err)
		}
		err = conn.QueryRow(context.Background(), "SELECT quote_literal(current_setting('synchronous_standby_names'))").Scan(&now)
		_ = conn.Close(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond) // until the sessions that are there have read it, too
}

// waiting counts the sessions whose COMMIT waits for the standby.
func (f *standbyFleet) waiting() (n int) {
	f.t.Helper()
	err := f.readers.QueryRow(f.t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&n)
	if err != nil {
		f.t.Error(err)
	}
	return n
}

func (f *standbyFleet) waitFor(n int) {
	f.t.Helper()
	for begun := time.Now(); f.waiting() < n; time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			f.t.Errorf("no commit waits for the standby")
			return
		}
	}
}

// harmWaiting does something to the one session that waits.
func (f *standbyFleet) harmWaiting(how string) {
	f.t.Helper()
	f.waitFor(1)
	if _, err := f.readers.Exec(f.t.Context(), "SELECT "+how+" FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
		f.t.Error(err)
	}
}

// mustNotTell appends ops, which must stay without an outcome.
func (f *standbyFleet) mustNotTell(ops ...*room.Op) {
	f.t.Helper()
	err := f.Append(f.t.Context(), ops)
	if !errors.Is(err, room.ErrOutcomeUnknown) && !errors.Is(err, room.ErrNotStored) {
		f.t.Errorf("the standby is away: %v", err)
	}
	for _, op := range ops {
		if op.Outcome != room.Pending {
			f.t.Fatalf("the standby is away: outcome %d", op.Outcome)
		}
	}
}
