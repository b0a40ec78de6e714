package pgserver_test

import (
	"testing"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

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
