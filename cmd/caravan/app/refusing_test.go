package app_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// TestANodeThatCannotStoreIsNotReady: the database answers, and every commit waits for a
// standby that is away. Nobody goes on sending, so the node itself finds out when it is back.
func TestANodeThatCannotStoreIsNotReady(t *testing.T) {
	besideOthers(t)
	pg := pgserver.Start(t)
	s, idle := start(t, pg.Database(t)), start(t, pg.Database(t))
	trip := persist.FleetTrip(0).String()
	s.post(0, trip, "before")
	if err := pg.Set("synchronous_standby_names", "standby"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // or the database could not be dropped
		if err := pg.Set("synchronous_standby_names", ""); err != nil {
			t.Error(err)
		}
	})
	for stored := true; stored; { // the server lets commits wait some time after it was told so
		stored = s.call(bearer(t, 0), "POST", messagesPath, `{"chat_room":"`+trip+`","content":"x"}`).StatusCode == 201
	}
	await.Until(t, "it is not ready", func() bool {
		a := s.admin("/readyz")
		return a.StatusCode == 503 && strings.Contains(string(a.body), `["database takes no messages"]`)
	})
	if body := string(s.admin("/metrics").body); strings.Contains(body, "caravan_refusing_seconds 0\n") || !strings.Contains(body, "caravan_ready 0\n") {
		t.Error("the metrics do not tell")
	}
	if a := idle.admin("/readyz"); a.StatusCode != 200 {
		t.Errorf("a node that nobody sends anything is not ready: %s", a.body)
	}
	if err := pg.Set("synchronous_standby_names", ""); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "it is ready again", func() bool { return s.admin("/readyz").StatusCode == 200 })
	s.post(0, trip, "after")
}
