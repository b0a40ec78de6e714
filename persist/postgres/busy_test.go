package postgres

import (
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist/storetest"
	"github.com/caravan-chat/caravan/room"
)

func TestWhatClientsAskToReadKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	page, err := f.Rooms(t.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range BulkDefault {
		conn, err := f.bulk.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	storetest.Busy(t, f.Store, f.user.ID, page.Rooms[0].TripID, f.rooms[0])
}
