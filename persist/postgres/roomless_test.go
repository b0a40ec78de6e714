package postgres

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// TestARoomThatIsMadeWhileAnotherPrimaryTakesOverIsNotTold: what is read once more after the
// room was made may be the former primary's, as what was read first.
func TestARoomThatIsMadeWhileAnotherPrimaryTakesOverIsNotTold(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(f *fleet, trip uuid.UUID) error{
		"access": func(f *fleet, trip uuid.UUID) error {
			_, err := f.Access(t.Context(), []room.AccessQuestion{{User: f.user.ID, Place: trip}})
			return err
		},
		"rooms": func(f *fleet, _ uuid.UUID) error {
			_, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: 5})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
			trip := persist.Trip{ID: uuid.New(), Title: "without a room"}
			if err := f.Seed(t.Context(), &persist.Seeds{
				Trips: []persist.Trip{trip}, Collaborators: []persist.Collaborator{{Trip: trip.ID, User: f.user.ID, Role: "member"}},
			}); err != nil {
				t.Fatal(err)
			}
			lock := func(table, mode string) (unlock func()) {
				tx, err := f.session().Begin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := tx.Exec(t.Context(), "LOCK TABLE "+table+" IN "+mode+" MODE"); err != nil {
					t.Fatal(err)
				}
				return func() {
					if err := tx.Rollback(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			waitsFor := func(table string) {
				await.Until(t, "it waits for "+table, func() bool {
					var waits bool
					err := f.probe.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass)", table).Scan(&waits)
					return err == nil && waits
				})
			}
			makeRoom := lock("chat_rooms", "SHARE")
			answer := make(chan error, 1)
			go func() { answer <- read(f, trip.ID) }()
			waitsFor("chat_rooms")
			look := lock("users", "ACCESS EXCLUSIVE")
			makeRoom()
			waitsFor("users")
			f.Heard(2)
			look()
			if err := await.Value(t, "an answer", answer); !errors.Is(err, room.ErrSuperseded) {
				t.Errorf("%v", err)
			}
		})
	}
}
