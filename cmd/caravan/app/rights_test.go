package app_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/persist"
)

// TestWhoIsRemovedIsOutInTimeWithTriggersAndWithout: within --recheck-interval of a removal that nobody
// tells, and with triggers nobody else is looked at for it.
func TestWhoIsRemovedIsOutInTimeWithTriggersAndWithout(t *testing.T) {
	const interval = time.Second
	for _, with := range []bool{false, true} {
		name := map[bool]string{false: "without", true: "with"}[with]
		t.Run(name, func(t *testing.T) {
			s := start(t, migrated.Postgres(t, pgserver.Shared(t)), "--recheck-interval", interval.String())
			db, err := sql.Open("pgx", s.cfg.Database)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			exec := func(statement string, args ...any) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
					t.Fatal(err)
				}
			}
			if with {
				cfg := *s.cfg
				cfg.RightsTriggers = "make"
				triggers, err := app.RightsTriggers(t.Context(), &cfg, s.logger())
				if err != nil {
					t.Fatal(err)
				}
				exec(triggers)
			}
			ada, _ := s.join(0, 0)
			bob, _ := s.join(trips, 0)
			rechecks := func() string { return metricLine(s, "caravan_rechecks_total") }
			if with { // all were looked at once, and nobody is any more
				for before, since := rechecks(), time.Now(); time.Since(since) < 3*interval; time.Sleep(interval / 10) {
					if now := rechecks(); now != before {
						before, since = now, time.Now()
					}
				}
			}
			removed, before := time.Now(), rechecks() // the next round may be over as soon as the row is gone
			exec("DELETE FROM collaborators WHERE user_id = $1", persist.FleetUser(trips).String())
			bob.isClosed(4003)
			if took := time.Since(removed); took > interval+20*time.Second { // a busy machine's time
				t.Errorf("out after %v", took)
			}
			if with {
				await.Until(t, "one member is looked at", func() bool { return rechecks() != before })
				if got, want := count(t, rechecks()), count(t, before)+1; got != want {
					t.Errorf("%d members were looked at, want %d", got, want)
				}
			}
			ada.send(`{"type":"ping"}`)
			if f := ada.read(); f.Type != "pong" {
				t.Errorf("who may stay got %+v", f)
			}
		})
	}
}

// metricLine is the line of a metric without labels.
func metricLine(s *server, name string) string {
	s.t.Helper()
	for line := range strings.Lines(string(s.admin("/metrics").body)) {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line)
		}
	}
	s.t.Fatalf("there is no metric %s", name)
	return ""
}

func count(t *testing.T, line string) (n int) {
	t.Helper()
	_, value, _ := strings.Cut(line, " ")
	for _, digit := range value {
		n = 10*n + int(digit-'0')
	}
	return n
}
