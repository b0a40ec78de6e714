package pgserver_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/link"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

func addr(s *pgserver.Server) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())) }

// timeline says on which a primary writes.
func timeline(t *testing.T, s *pgserver.Server) string {
	t.Helper()
	return query(t, s, "postgres", "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int")
}

// TestFailOversFollowOneAnother: the standby takes over, what the old primary went on
// to write is undone when it comes back as a standby, and then it takes over again.
func TestFailOversFollowOneAnother(t *testing.T) {
	primary := pgserver.Start(t, pgserver.Paired)
	name := databaseName(t, primary.Database(t))
	standby := primary.StartStandby(t)
	query(t, primary, name, "CREATE TABLE told (what text)")
	if err := primary.Set("synchronous_standby_names", "*"); err != nil {
		t.Fatal(err)
	}
	query(t, primary, name, "INSERT INTO told VALUES ('both')")
	if err := primary.Set("synchronous_standby_names", ""); err != nil {
		t.Fatal(err)
	}
	for turn, want := range []string{"2", "3"} {
		if err := standby.AwaitStandby(t.Context(), primary); err != nil {
			t.Fatal(err)
		}
		if err := standby.AwaitReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := standby.Promote(); err != nil {
			t.Fatal(err)
		}
		query(t, primary, name, "INSERT INTO told VALUES ('old')")
		query(t, standby, name, "INSERT INTO told VALUES ('new')")
		if got := timeline(t, standby); got != want {
			t.Errorf("turn %d: timeline %s", turn, got)
		}
		if turn == 1 {
			if err := primary.Restart(pgserver.Immediate); err != nil {
				t.Fatal(err)
			}
		}
		if err := primary.Stop(pgserver.Fast); err != nil {
			t.Fatal(err)
		}
		if err := primary.Rejoin(standby, addr(standby)); err != nil {
			t.Fatal(err)
		}
		if err := primary.AwaitStandby(t.Context(), standby); err != nil {
			t.Fatal(err)
		}
		if got := query(t, primary, name, "SELECT string_agg(what, ' ' ORDER BY what) FROM told"); got != "both"+strings.Repeat(" new", turn+1) {
			t.Errorf("turn %d: the old one has %q", turn, got)
		}
		primary, standby = standby, primary
	}
}

func TestAPromotedStandbyTakesWritesBesideItsFormerPrimary(t *testing.T) {
	primary := pgserver.Start(t)
	name := databaseName(t, primary.Database(t))
	query(t, primary, name, "CREATE TABLE t (n int)")
	standby := primary.StartStandby(t)
	query(t, primary, name, "INSERT INTO t VALUES (1)")
	if err := standby.AwaitStandby(t.Context(), primary); err != nil {
		t.Fatal(err)
	}
	if got := query(t, standby, name, "SELECT n, pg_is_in_recovery() FROM t"); got != "1|t" {
		t.Errorf("the standby answers %q", got)
	}
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	const timeline = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
	for server, want := range map[*pgserver.Server]string{primary: "00000001", standby: "00000002"} {
		query(t, server, name, "INSERT INTO t VALUES (2)")
		if got := query(t, server, name, timeline); got != want {
			t.Errorf("timeline %q, want %q", got, want)
		}
	}
}

// TestAPartOfARecordIsNotAwaited: a standby whose primary is lost in the midst of a record
// shows all that it can.
func TestAPartOfARecordIsNotAwaited(t *testing.T) {
	primary := pgserver.Start(t, pgserver.Paired)
	way, err := link.New(addr(primary))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := way.Close(); err != nil {
			t.Error(err)
		}
	}()
	standby, err := pgserver.NewStandby(way.Addr())
	if err != nil {
		t.Fatal(err)
	}
	standby.EndWith(t)
	const begun = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
	for range 5 { // the whole of it may be there before the way is cut
		if err := standby.AwaitStandby(t.Context(), primary); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() {
			_, err := primary.Exec("postgres", "SELECT pg_logical_emit_message(false, '', repeat('x', 200000000))") // one record
			written <- err
		}()
		await.Until(t, "the standby has received a part of it", func() bool { return query(t, standby, "postgres", begun) == "t" })
		lift := way.Impose(link.Trouble{Up: true, Down: true})
		if err := standby.AwaitReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
		part := query(t, standby, "postgres", begun) == "t"
		lift()
		if err := <-written; err != nil {
			t.Error(err)
		}
		if part {
			return
		}
	}
	t.Error("the standby had the whole record each time")
}
