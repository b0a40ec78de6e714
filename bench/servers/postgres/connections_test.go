package pgserver_test

import (
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

func TestConnectionsAreTakenFromThoseWhoHaveThem(t *testing.T) {
	s := pgserver.Start(t, pgserver.Setting("max_connections", "12"))
	name := databaseName(t, s.Database(t))
	ended := make(chan error, 1)
	go func() {
		_, err := s.Exec(name, "SELECT pg_sleep(1000)")
		ended <- err
	}()
	await.Until(t, "it is connected", func() bool {
		return query(t, s, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
	})
	taken, err := s.TakeConnections(t.Context(), name)
	if err != nil || len(taken) != 12 {
		t.Fatalf("%d taken, %v", len(taken), err)
	}
	if err := await.Value(t, "its connection is cut", ended); err == nil {
		t.Error("it slept to the end")
	}
	if _, err := s.Exec(name, "SELECT"); err == nil {
		t.Error("there is another connection to be had")
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "there is room", func() bool { _, err := s.Exec(name, "SELECT"); return err == nil })
}

func TestWhatIsSetHoldsForSessionsThatAreThere(t *testing.T) {
	s := pgserver.Start(t)
	session, err := s.Connect(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, value := range []string{"on", "off"} {
		if err := s.Set("default_transaction_read_only", value); err != nil {
			t.Fatal(err)
		}
		if tag, err := session.Query("SELECT WHERE current_setting('default_transaction_read_only') = '" + value + "'"); tag != "SELECT 1" || err != nil {
			t.Errorf("after it was set to %s: %q, %v", value, tag, err)
		}
	}
}
