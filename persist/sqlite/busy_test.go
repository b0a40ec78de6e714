package sqlite

import (
	"testing"

	"github.com/caravan-chat/caravan/persist/storetest"
)

func TestWhatClientsAskToReadKeepsNobodyElseWaiting(t *testing.T) {
	s := newSender(t)
	for range BulkReads() {
		conn, err := s.bulk.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	storetest.Busy(t, s.Store, s.access.User.ID, s.access.Room.TripID, s.access.Room.ID)
}
