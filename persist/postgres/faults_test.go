package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// TestServerDiesUnderLoad breaks the server again and again while many write:
// what was said to be stored is there, once, and nothing else is.
func TestServerDiesUnderLoad(t *testing.T) {
	t.Parallel()
	stop := func(how pgserver.Shutdown) func(*pgserver.Server, string) error {
		return func(pg *pgserver.Server, _ string) error { return pg.Stop(how) }
	}
	for _, fault := range []struct {
		name  string
		harm  func(pg *pgserver.Server, database string) error
		mend  func(pg *pgserver.Server) error
		holds bool // it holds the writers up, and refuses nothing
	}{
		{"kill -9", func(pg *pgserver.Server, _ string) error { return pg.Kill() }, (*pgserver.Server).Start, false},
		{"immediate shutdown", stop(pgserver.Immediate), (*pgserver.Server).Start, false},
		{"fast shutdown", stop(pgserver.Fast), (*pgserver.Server).Start, false},
		{"frozen", func(pg *pgserver.Server, _ string) error { return pg.Pause() }, func(pg *pgserver.Server) error { return pg.Resume() }, true},
		{"no disk for tables", (*pgserver.Server).FillTables, (*pgserver.Server).FreeDisk, false},
		{"no disk for the log", func(pg *pgserver.Server, _ string) error { return pg.FillWAL() }, (*pgserver.Server).FreeDisk, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			pg := pgserver.Start(t, pgserver.Alike, pgserver.Setting("autovacuum", "off"))
			f := newFleet(t, Config{URL: pg.Database(t)}, 4)
			f.wait.outcome = time.Minute // a busy machine restarts a server slowly
			database := f.session().Config().Database
			w := startWriters(f, 4)
			for range 3 {
				w.awaitStored()
				refused := w.refused.Load()
				if err := fault.harm(pg, database); err != nil {
					t.Fatal(err)
				}
				await.Until(t, "the writers meet the fault", func() bool {
					if fault.holds {
						return w.writing.Load() == 4
					}
					return w.refused.Load() > refused
				})
				if err := fault.mend(pg); err != nil {
					t.Fatal(err)
				}
			}
			w.awaitStored()
			w.end()

			counts := map[uuid.UUID]int64{}
			for _, ops := range w.stored {
				for _, op := range ops {
					counts[op.Room]++
					got, err := f.Message(t.Context(), op.MessageID)
					if err != nil || got.Seq != op.Message.Seq {
						t.Fatalf("stored as %d, found as %d, %v", op.Message.Seq, got.Seq, err)
					}
				}
			}
			for i, id := range f.rooms {
				f.mustStand(i, counts[id])
			}
		})
	}
}

// writers append batches to the rooms of a fleet, one batch each at a time.
type writers struct {
	f       *fleet
	all     sync.WaitGroup
	stop    chan struct{}
	once    sync.Once
	stored  [][]*room.Op   // a writer each, to be read after end
	batches []atomic.Int64 // a writer each: how many of them
	writing atomic.Int64   // are within Append
	refused atomic.Int64   // batches that were not stored
}

// startWriters starts n writers, who end with the test.
func startWriters(f *fleet, n int) *writers {
	w := &writers{f: f, stop: make(chan struct{}), stored: make([][]*room.Op, n), batches: make([]atomic.Int64, n)}
	for i := range n {
		w.all.Go(func() { w.run(i) })
	}
	f.t.Cleanup(w.end)
	return w
}

func (w *writers) end() {
	w.once.Do(func() { close(w.stop) })
	w.all.Wait()
}

func (w *writers) run(n int) {
	rooms := len(w.f.rooms)
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		batch := []*room.Op{w.f.send(n%rooms, "a"), w.f.send((n+1)%rooms, "b"), w.f.send(n%rooms, "c")}
		w.writing.Add(1)
		err := w.f.Append(context.Background(), batch, room.Within{}) // until the fault is mended, also where the test fails
		w.writing.Add(-1)
		switch {
		case err == nil:
			w.stored[n] = append(w.stored[n], batch...)
			w.batches[n].Add(1)
		case errors.Is(err, room.ErrNotStored) && !errors.Is(err, room.ErrOutcomeUnknown):
			w.refused.Add(1)
			time.Sleep(5 * time.Millisecond)
		default:
			w.f.t.Error(err)
			return
		}
	}
}

// awaitStored waits until each writer has stored something more.
func (w *writers) awaitStored() {
	w.f.t.Helper()
	for n := range w.batches {
		before := w.batches[n].Load()
		await.Until(w.f.t, "a writer stores something", func() bool { return w.batches[n].Load() > before || w.f.t.Failed() })
	}
	if w.f.t.Failed() {
		w.f.t.FailNow()
	}
}

// TestFullDisk: the kernel refuses what there is no room for, and the store what
// it could not write, until there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*pgserver.Server, string) error{
		"tables":          (*pgserver.Server).FillTables,
		"write-ahead log": func(pg *pgserver.Server, _ string) error { return pg.FillWAL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := pgserver.Start(t, pgserver.Alike, pgserver.Setting("autovacuum", "off"))
			f := newFleet(t, Config{URL: pg.Database(t)}, 2)
			f.mustAppend(f.send(0, "before"), f.send(1, "before"))
			if err := fill(pg, f.session().Config().Database); err != nil {
				t.Fatal(err)
			}
			stored, sizes := [2]int64{1, 1}, []int{1, 7, 2 * copyRowsMin}
			var refused []*room.Op
			for n := 0; len(refused) < 1000; n++ {
				in, batch := n%2, make([]*room.Op, sizes[n%len(sizes)])
				for i := range batch {
					batch[i] = f.send(in, "full")
				}
				err := f.Append(t.Context(), batch, room.Within{})
				if err == nil { // what the last pages had room for
					stored[in] += int64(len(batch))
					continue
				}
				if !errors.Is(err, room.ErrNotStored) || !errors.Is(err, room.ErrStoreDown) || errors.Is(err, room.ErrOutcomeUnknown) {
					t.Fatal(err)
				}
				for _, op := range batch {
					if op.Outcome != room.Pending {
						t.Fatalf("outcome %d of what was not stored", op.Outcome)
					}
				}
				refused = append(refused, batch...)
			}
			if err := pg.FreeDisk(); err != nil {
				t.Fatal(err)
			}
			for in := range stored {
				op := f.send(in, "room again")
				if err := f.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
					t.Errorf("there is room again, and %d, %v", op.Outcome, err)
				}
				f.mustStand(in, stored[in]+1)
			}
			for _, op := range refused {
				if _, err := f.Message(t.Context(), op.MessageID); !errors.Is(err, room.ErrNoMessage) {
					t.Fatalf("what was not stored is found: %v", err)
				}
			}
		})
	}
}

func TestFrozenServerIsBoundedByTheContext(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t, pgserver.Alike)
	f := newFleet(t, Config{URL: pg.Database(t)}, 1)
	f.mustAppend(f.send(0, "before"))
	if err := pg.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	f.wait.transaction, f.wait.outcome = time.Hour, time.Hour
	op, errs, done := f.send(0, "frozen"), map[string]error{}, make(chan struct{})
	go func() {
		defer close(done)
		errs["append"], errs["ping"] = f.Append(ctx, []*room.Op{op}, room.Within{}), f.Ping(ctx)
		_, errs["access"] = f.Access(ctx, []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}})
		_, errs["latest"] = f.Latest(ctx, f.rooms, room.Limit{Messages: 10})
		_, errs["heads"] = f.Heads(ctx, f.rooms)
	}()
	await.Done(t, "all calls have ended", done)
	for name, err := range errs {
		if !errors.Is(err, room.ErrStoreDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !errors.Is(errs["append"], room.ErrNotStored) {
		t.Errorf("append: %v", errs["append"])
	}
	if err := pg.Resume(); err != nil {
		t.Fatal(err)
	}
	f.mustAppend(op)
	f.mustStand(0, 2)
}

func TestServerAwayAndBack(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t, pgserver.Alike)
	f := newFleet(t, Config{URL: pg.Database(t)}, 1)
	if err := pg.Stop(pgserver.Fast); err != nil {
		t.Fatal(err)
	}
	f.mustNotStore(f.send(0, "away"))
	if _, err := f.Heads(t.Context(), f.rooms); !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("heads: %v", err)
	}
	if _, err := Open(t.Context(), Config{URL: f.url, Log: quiet}); !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("open: %v", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	f.mustAppend(f.send(0, "back"))
	f.mustStand(0, 1)
}

func TestOpenTellsWhatWaitingCannotMend(t *testing.T) {
	t.Parallel()
	url := pgserver.Shared(t).URL("no_such_database")
	for _, url := range []string{url, "postgres://%zz", "mysql://x"} {
		if _, err := Open(t.Context(), Config{URL: url, Log: quiet}); err == nil || errors.Is(err, room.ErrStoreDown) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAllConnectionsTaken(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t, pgserver.Alike, pgserver.Setting("max_connections", "12"), pgserver.Setting("superuser_reserved_connections", "0"))
	f := newFleet(t, Config{URL: pg.Database(t)}, 1)
	f.writers.Reset()
	f.readers.Reset()
	var others []*pgx.Conn
	for len(others) < 30 {
		conn, err := pgx.Connect(t.Context(), f.url)
		if err != nil {
			break
		}
		others = append(others, conn)
	}
	if len(others) == 0 || len(others) == 30 {
		t.Fatalf("%d connections", len(others))
	}
	f.mustNotStore(f.send(0, "no room"))
	for _, conn := range others {
		_ = conn.Close(t.Context())
	}
	f.mustAppend(f.send(0, "room"))
	f.mustStand(0, 1)
}

// TestServerErrors lets a trigger fail as the server would. The errors of the first
// kind pass; those of the second do not, until the trigger is gone.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40P01"} {
		t.Run("passing "+code, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
			f.failInserts(code, 3)
			op := f.send(0, "x")
			if err := f.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
				t.Fatalf("outcome %d, %v", op.Outcome, err)
			}
			f.mustStand(0, 1)
		})
	}
	// Serialization, deadlock, disk full, out of memory, too many connections,
	// canceled, shut down, read only, I/O error, internal error.
	for _, code := range []string{"40001", "40P01", "53100", "53200", "53300", "57014", "57P01", "25006", "58030", "XX000"} {
		t.Run("lasting "+code, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
			f.failInserts(code, 1<<30)
			f.mustNotStore(f.send(0, "x"))
			f.exec("DROP TRIGGER fail ON chat_messages")
			f.mustAppend(f.send(0, "y"))
			f.mustStand(0, 1)
		})
	}
}

func TestServerThatCannotWorkIsDown(t *testing.T) {
	t.Parallel()
	for code, down := range map[string]bool{
		"53100": true, "53200": true, "53300": true, "57P03": true, "58030": true, "08006": true,
		"XX000": true, // "could not extend file: Disk quota exceeded"
		"42P01": false, "42501": false, "28P01": false,
	} {
		if err := fault("append", &pgconn.PgError{Code: code}); errors.Is(err, room.ErrStoreDown) != down {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// failInserts makes the next `times` inserts fail with an SQLSTATE.
func (f *fleet) failInserts(code string, times int) {
	f.exec(fmt.Sprintf(`CREATE SEQUENCE failures;
		CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('failures') <= %d THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = '%s'; END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER fail BEFORE INSERT ON chat_messages FOR EACH ROW EXECUTE FUNCTION fail()`, times, code))
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t)) + "&statement_timeout=1s"}, 1)
	other := f.session()
	mustExec(t, other, "BEGIN")
	mustExec(t, other, "SELECT FROM chat_rooms WHERE id = $1 FOR UPDATE", [16]byte(f.rooms[0]))
	f.mustNotStore(f.send(0, "locked"))
	mustExec(t, other, "ROLLBACK")
	f.mustAppend(f.send(0, "free"))
	f.mustStand(0, 1)
}

// TestDeadlock lets another program lock the rooms the other way round. The server looks for
// a circle once a wait, so there is some time to close it.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t)) + "&deadlock_timeout=3s&lock_timeout=60s"}, 2)
	f.wait.transaction = await.Limit // a crowded machine takes its time to close the circle
	other := f.session()
	mustExec(t, other, "SET deadlock_timeout = '1min'")
	lock := func(i int) {
		mustExec(t, other, "SELECT FROM chat_rooms WHERE id = $1 FOR UPDATE", [16]byte(f.rooms[i]))
	}
	mustExec(t, other, "BEGIN")
	lock(1)
	done := make(chan error, 1)
	go func() { done <- f.Append(t.Context(), []*room.Op{f.send(0, "x"), f.send(1, "y")}, room.Within{}) }()
	watch := f.session()
	await.Until(t, "the store waits for a room", func() (waits bool) {
		const sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
		if err := watch.QueryRow(t.Context(), sql).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
	lock(0) // the circle closes: the store's transaction is the one undone
	mustExec(t, other, "COMMIT")
	if err := await.Value(t, "both are stored", done); err != nil {
		t.Fatal(err)
	}
	f.mustStand(0, 1)
	f.mustStand(1, 1)
}

// TestOutcomeUnknownOnlyWhenTheServerStaysAway cuts the commit's answer and takes the
// server away.
func TestOutcomeUnknownOnlyWhenTheServerStaysAway(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprintf("back=%v", back), func(t *testing.T) {
			t.Parallel()
			pg := pgserver.Start(t, pgserver.Alike)
			proxy, proxied := startFaultProxy(t, pg.Database(t))
			f := newFleet(t, Config{URL: proxied, Writers: 1}, 1)
			f.mustAppend(f.send(0, "prepare"))
			lookNoMore(t, f.Store)
			tell := proxy.count()
			f.mustAppend(f.send(0, "count"))
			_, fromServer := tell()

			f.wait.outcome = time.Minute // a busy machine restarts a server slowly
			if !back {
				f.wait.outcome = 500 * time.Millisecond
			}
			restarted := make(chan error, 1)
			proxy.arm(&cut{from: server, n: fromServer - 2, how: cutBoth, before: func() {
				if err := pg.Kill(); err != nil {
					t.Error(err)
				}
				if back {
					go func() { restarted <- pg.Start() }()
				}
			}})
			op := f.send(0, "cut")
			err := f.Append(t.Context(), []*room.Op{op}, room.Within{})
			if !back {
				if !errors.Is(err, room.ErrOutcomeUnknown) || errors.Is(err, room.ErrNotStored) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if restartErr := await.Value(t, "the server is back", restarted); restartErr != nil {
				t.Fatal(restartErr)
			}
			switch {
			case err == nil:
				f.mustStand(0, 3)
			case errors.Is(err, room.ErrNotStored):
				f.mustStand(0, 2)
			default:
				t.Fatal(err)
			}
			t.Log(err)
		})
	}
}

// TestReadsOutliveTheServersRestart: after it every idle connection is dead, and
// nobody who asks may notice.
func TestReadsOutliveTheServersRestart(t *testing.T) {
	t.Parallel()
	pg := pgserver.Start(t, pgserver.Alike)
	f := newFleet(t, Config{URL: pg.Database(t)}, 1)
	var warm sync.WaitGroup
	for range 8 { // several idle connections
		warm.Go(func() {
			if _, err := f.Heads(t.Context(), f.rooms); err != nil {
				t.Error(err)
			}
		})
	}
	warm.Wait()
	for _, how := range []pgserver.Shutdown{pgserver.Immediate, pgserver.Fast} {
		if err := pg.Restart(how); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Walk(t.Context(), room.WalkQuery{Room: f.rooms[0], Limit: room.Limit{Messages: 10}}); err != nil {
			t.Errorf("since: %v", err)
		}
		if _, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: f.rooms[0]}}); err != nil {
			t.Errorf("access: %v", err)
		}
	}
}
