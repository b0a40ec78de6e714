package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/link"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// pair is a fleet on a primary and its standby, both in the URL.
type pair struct {
	*fleet
	old, next *pgserver.Server
	between   *link.Link // which the standby reads through
	name      string     // of the database
}

// newPair returns a pair whose standby has all.
func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{old: pgserver.Start(t)}
	u, err := url.Parse(p.old.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	p.name = strings.TrimPrefix(u.Path, "/")
	if p.between, err = link.New(net.JoinHostPort("127.0.0.1", strconv.Itoa(p.old.Port()))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.between.Close() })
	if p.next, err = pgserver.NewStandby(p.between.Addr()); err != nil {
		t.Fatal(err)
	}
	p.next.EndWith(t)
	u.Host = fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", p.old.Port(), p.next.Port())
	u.RawQuery += "&target_session_attrs=read-write"
	p.fleet = newFleet(t, Config{URL: u.String()}, 2)
	p.url = p.old.URL(p.name)
	p.mustAppend(p.send(0, "of both"))
	p.replicate()
	return p
}

func (p *pair) replicate() {
	p.t.Helper()
	if err := p.next.AwaitStandby(p.t.Context(), p.old); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) promote() {
	p.t.Helper()
	if err := p.next.Promote(); err != nil {
		p.t.Fatal(err)
	}
}

// count returns how many messages a server has.
func (p *pair) count(on *pgserver.Server) string {
	p.t.Helper()
	n, err := on.Exec(p.name, "SELECT count(*) FROM chat_messages")
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(n)
}

// mustBeOn checks that all pools lead to a timeline.
func (p *pair) mustBeOn(want room.Timeline) {
	p.t.Helper()
	if got := p.Timeline(); got != want {
		p.t.Errorf("timeline %d, want %d", got, want)
	}
	for name, pool := range map[string]*pgxpool.Pool{"writers": p.writers, "readers": p.readers, "bulk": p.bulk, "probe": p.probe} {
		conn, err := pool.Acquire(p.t.Context())
		if err != nil {
			p.t.Fatal(name, err)
		}
		if got := identityOf(conn.Conn()).timeline; got != want {
			p.t.Errorf("%s: timeline %d, want %d", name, got, want)
		}
		conn.Release()
	}
}

// TestAFormerPrimaryThatLivesIsLeft: nobody tells the store but the servers themselves.
func TestAFormerPrimaryThatLivesIsLeft(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.mustBeOn(1)
	p.promote()
	await.Until(t, "the other server is found to be the primary", func() bool { return p.Timeline() == 2 })
	p.mustBeOn(2)
	op := p.send(0, "of the new one")
	p.mustAppend(op)
	if op.Seq != 2 || op.Timeline != 2 || p.count(p.old) != "1" {
		t.Errorf("number %d on timeline %d, and the former primary has %s", op.Seq, op.Timeline, p.count(p.old))
	}
	p.mustStand(0, 2)
	if n := p.primary.takeOvers.Load(); n != 1 {
		t.Errorf("%d times another primary took over", n)
	}
	p.primary.reset() // new connections try the former primary first
	p.mustBeOn(2)
}

// TestTheLogSaysWhoTellsOfAPrimary: where another node does, a copy may be the reason.
func TestTheLogSaysWhoTellsOfAPrimary(t *testing.T) {
	t.Parallel()
	for how, hint := range map[string]int{"met": 0, heardOf: 1} {
		var log bytes.Buffer
		p := &primary{log: slog.New(slog.NewTextHandler(&log, nil))}
		p.see(1, how)
		p.see(2, how)
		p.see(2, how)
		if took, told := strings.Count(log.String(), "another primary has taken over"), strings.Count(log.String(), "need another --redis-prefix"); took != 1 || told != hint {
			t.Errorf("%s:\n%s", how, log.String())
		}
	}
}

// TestWhatAnotherNodeSaysOfAPrimaryIsBelieved: the store refuses the former one, and
// whatever it answers, before it can reach the new one.
func TestWhatAnotherNodeSaysOfAPrimaryIsBelieved(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.Heard(2)
	if err := p.Ping(t.Context()); !errors.Is(err, room.ErrSuperseded) || !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("%v", err)
	}
	p.mustNotStore(p.send(0, "refused"))
	for name, read := range map[string]func() error{
		"heads":  func() error { _, err := p.Heads(t.Context(), p.rooms); return err },
		"head":   func() error { _, _, err := p.Head(t.Context(), p.rooms[0]); return err },
		"latest": func() error { _, err := p.Latest(t.Context(), p.rooms, room.Limit{Messages: 1}); return err },
		"before": func() error { _, err := p.Before(t.Context(), p.rooms[0], 9, room.Limit{Messages: 1}); return err },
		"walk": func() error {
			_, err := p.Walk(t.Context(), room.WalkQuery{Room: p.rooms[0], Limit: room.Limit{Messages: 1}})
			return err
		},
		"rooms": func() error {
			_, err := p.Rooms(t.Context(), p.user.ID, p.user.ID, room.Limit{Messages: 1})
			return err
		},
		"reading": func() error { _, err := p.Reading(t.Context(), p.rooms[0], p.user.ID); return err },
		"marks":   func() error { _, err := p.ReadMarks(t.Context(), p.rooms[0], p.user.ID, 1); return err },
		"access": func() error {
			_, err := p.Access(t.Context(), []room.AccessQuestion{{User: p.user.ID, Place: p.rooms[0]}})
			return err
		},
		"settled": func() error { return p.Settled(t.Context()) },
	} {
		if err := read(); !errors.Is(err, room.ErrSuperseded) || !errors.Is(err, room.ErrStoreDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.promote()
	p.mustAppend(p.send(0, "of the new one"))
	p.mustBeOn(2)
	if p.count(p.old) != "1" || p.count(p.next) != "2" {
		t.Errorf("the former primary has %s, the new one %s", p.count(p.old), p.count(p.next))
	}
}

// TestACommitOfTheFormerPrimaryIsLookedUpOnTheNewOne: it succeeds, and before it is
// answered another primary is known.
func TestACommitOfTheFormerPrimaryIsLookedUpOnTheNewOne(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"express": 1, "general": 3, "copied": copyRowsMin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			ops := make([]*room.Op, rows)
			for i := range ops {
				ops[i] = p.send(0, "of the former primary alone")
			}
			p.between.Impose(link.Trouble{Refuse: true})
			holder := p.session()
			mustExec(t, holder, "BEGIN")
			mustExec(t, holder, "SELECT FROM chat_rooms FOR UPDATE")
			done := make(chan error, 1)
			go func() { done <- p.Append(t.Context(), ops, room.Within{}) }()
			await.Until(t, "the transaction waits", func() bool {
				n, err := p.old.Exec(p.name, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
				return err == nil && strings.TrimSpace(n) == "1"
			})
			p.Heard(2)
			mustExec(t, holder, "COMMIT") // soon: who waits for a lock gives up after a second
			p.promote()
			err := await.Value(t, "the end of Append", done)
			if !errors.Is(err, room.ErrNotStored) || ops[0].Outcome != room.Pending {
				t.Errorf("outcome %d, %v", ops[0].Outcome, err)
			}
			if p.count(p.next) != "1" {
				t.Errorf("the new one has %s messages", p.count(p.next))
			}
			p.mustAppend(ops...) // as its lane does
			if last := ops[rows-1]; last.Outcome != room.Stored || last.Seq != int64(rows)+1 || last.Timeline != 2 {
				t.Errorf("outcome %d, number %d on timeline %d", last.Outcome, last.Seq, last.Timeline)
			}
		})
	}
}

// TestACommitThatTheNewPrimaryHasIsStored: it was replicated before its answer was lost.
func TestACommitThatTheNewPrimaryHasIsStored(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	conn, err := p.writers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	op := p.send(0, "replicated")
	ops := []*room.Op{op}
	p.mustAppend(op)
	p.replicate()
	p.promote()
	p.Heard(2)
	plan, xact, err := p.finish(t.Context(), conn, ops, nil, 1, true, nil)
	var cut *cutError
	if plan != nil || xact != 1 || !errors.As(err, &cut) || !errors.Is(err, room.ErrSuperseded) {
		t.Errorf("%v, %v", xact, err)
	}
	conn.Release()
	written := &persist.Plan{Inserts: []*protocol.Message{{ID: op.MessageID}}}
	if found, err := p.askOutcome(t.Context(), 3, written, time.Now()); err != nil || !found.committed || found.timeline != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestStandbysAreNoPrimaries: whatever the order of the hosts, and although the URL asks for none.
func TestStandbysAreNoPrimaries(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	both := strings.Replace(p.old.URL(p.name), fmt.Sprintf(":%d/", p.old.Port()), fmt.Sprintf(":%d,127.0.0.1:%d/", p.next.Port(), p.old.Port()), 1)
	s := openStore(t, Config{URL: both, Log: quiet})
	if heads, err := s.Heads(t.Context(), p.rooms); err != nil || heads[0].Seq+heads[1].Seq != 1 || s.Timeline() != 1 {
		t.Errorf("%v on timeline %d, %v", heads, s.Timeline(), err)
	}
	_, err := Open(t.Context(), Config{URL: p.next.URL(p.name), Log: quiet})
	if !errors.Is(err, errStandby) || !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("a standby alone: %v", err)
	}
}

// TestAnotherClusterIsAnotherDatabase, however great its timeline is.
func TestAnotherClusterIsAnotherDatabase(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if err := p.primary.meet(&identity{system: p.primary.system.Load() + 1, timeline: 9}); err == nil || errors.Is(err, room.ErrSuperseded) {
		t.Errorf("%v", err)
	}
	p.mustBeOn(1)
}

// TestWhoMayNotAskIsServedAllTheSame: the rights to ask a server what it is were revoked.
func TestWhoMayNotAskIsServedAllTheSame(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	for _, sql := range []string{
		"CREATE ROLE app LOGIN", "CREATE DATABASE chat OWNER app",
	} {
		if _, err := server.Exec("postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		revoke   string
		system   bool
		timeline room.Timeline
		told     string
	}{
		{"pg_control_system()", false, 1, "another cluster of PostgreSQL in place of this one would not be noticed"},
		{"pg_walfile_name(pg_lsn)", false, 0, "the protection against a former primary is off"},
	} {
		if _, err := server.Exec("chat", "REVOKE EXECUTE ON FUNCTION "+c.revoke+" FROM PUBLIC"); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		url := strings.Replace(server.URL("chat"), "://caravan@", "://app@", 1)
		f := newFleet(t, Config{URL: url}, 1)
		openStore(t, Config{URL: url, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if n := strings.Count(log.String(), c.told); n != 1 {
			t.Errorf("%s revoked: the log tells %d times:\n%s", c.revoke, n, log.String())
		}
		op := f.send(0, "x")
		f.mustAppend(op)
		if f.Timeline() != c.timeline || op.Timeline != c.timeline || (f.primary.system.Load() != 0) != c.system {
			t.Errorf("%s revoked: timeline %d, system %d", c.revoke, f.Timeline(), f.primary.system.Load())
		}
		if c.timeline == 0 {
			f.Heard(7) // nothing speaks against the server
			f.mustAppend(f.send(0, "y"))
		}
		if told := f.TellsTimeline(); told != (c.timeline != 0) {
			t.Errorf("%s revoked: protected %v", c.revoke, told)
		}
	}
}

// TestAServerWithoutALogToAskForIsServedAllTheSame: Aurora refuses to tell where its log
// ends, unless it replicates logically. A function that comes first in the search path
// stands for the server's own.
func TestAServerWithoutALogToAskForIsServedAllTheSame(t *testing.T) {
	t.Parallel()
	for _, code := range []string{codeNotInState, codeNotSupported, "XX000"} {
		f := &fleet{t: t, url: pgserver.Shared(t).Database(t)}
		f.exec("CREATE SCHEMA refusing")
		f.exec("CREATE FUNCTION refusing.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'wal_level' USING ERRCODE = '" + code + "'; END$$")
		f.exec("ALTER DATABASE " + f.session().Config().Database + " SET search_path = refusing, pg_catalog, public")
		f = newFleet(t, Config{URL: f.url}, 1)
		f.mustAppend(f.send(0, "x"))
		if f.Timeline() != 0 {
			t.Errorf("%s: timeline %d", code, f.Timeline())
		}
	}
}

// TestAServerThatChangesBehindAConnectionIsNoticed: a proxy such as PgBouncer keeps the
// client's connection when it goes to another server.
func TestAServerThatChangesBehindAConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	conn, err := p.writers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	*identityOf(conn.Conn()) = identity{system: p.primary.system.Load(), timeline: 1}
	conn.Release()
	p.Heard(2)
	if _, err := p.writers.Acquire(t.Context()); !errors.Is(err, room.ErrSuperseded) {
		t.Errorf("%v", err)
	}
}
