package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestUsersTripsAndMembersComeByCommands, on both stores.
func TestUsersTripsAndMembersComeByCommands(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{"sqlite": "sqlite:" + t.TempDir() + "/caravan.db", "postgres": pgserver.Shared(t).Database(t)} {
		t.Run(name, func(t *testing.T) {
			does := func(status int, args ...string) string {
				t.Helper()
				got := caravan(t, []string{"CARAVAN_DATABASE=" + database, "CARAVAN_LOG_LEVEL=error"}, args...)
				if got.status != status || status != 0 && strings.Count(got.stderr, "\n") != 1 {
					t.Fatalf("%q: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
				}
				return strings.TrimSpace(got.stdout) + got.stderr
			}
			if got := does(0, "user", "list"); got != "no users" {
				t.Errorf("%s", got)
			}
			amina := does(0, "user", "add", "--email", "amina@example.com", "--first-name", "Amina")
			jonas := does(0, "user", "add", "--email", "jonas@example.com", "--username", "jo", "--id", uuid.NewString())
			if got := does(1, "user", "add", "--email", "JONAS@example.com"); !strings.Contains(got, "there is a user") {
				t.Errorf("%s", got)
			}
			trip := does(0, "trip", "add", "--title", "Lisbon to Marrakesh", "--owner", amina)
			does(0, "member", "add", "--trip", trip, "--user", jonas)
			var members struct {
				Members []struct{ UserID, Email, Role string }
			}
			text := strings.ReplaceAll(does(0, "member", "list", "--trip", trip, "--json"), "user_id", "userid")
			if err := json.Unmarshal([]byte(text), &members); err != nil || len(members.Members) != 2 || members.Members[0].Role != "owner" || members.Members[1].UserID != jonas {
				t.Errorf("%v: %s", err, text)
			}
			if got := does(0, "user", "list"); !strings.HasPrefix(got, "ID") || !strings.Contains(got, "amina@example.com") || !strings.Contains(got, "jo") {
				t.Errorf("%s", got)
			}
			if got := does(0, "trip", "list", "--json"); !strings.Contains(got, trip) || !json.Valid([]byte(got)) {
				t.Errorf("%s", got)
			}
			does(0, "member", "remove", "--trip", trip, "--user", jonas)
			if got := does(1, "member", "remove", "--trip", trip, "--user", jonas); !strings.Contains(got, "no such member") {
				t.Errorf("%s", got)
			}
			does(0, "user", "remove", jonas)
			does(0, "trip", "remove", "--id", trip)
			if got := does(1, "trip", "remove", trip); !strings.Contains(got, "no such trip") {
				t.Errorf("%s", got)
			}
			for _, wrong := range [][]string{
				{"user", "add"}, {"user", "add", "--email", "x"}, {"user", "remove"}, {"user", "remove", amina, jonas}, {"user", "add", "--email", "a@b\nc"},
				{"trip", "add"}, {"trip", "remove", "7"}, {"member", "add", "--trip", trip}, {"member", "add", "--user", amina},
				{"member", "add", "--trip", trip, "--user", amina, "--role", " "}, {"member", "list"},
			} {
				does(2, wrong...)
			}
		})
	}
}
