package sqlite

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist/storetest"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestConformanceWhereKeysAreTakenForNew: all is as if they were looked up first.
func TestConformanceWhereKeysAreTakenForNew(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (storetest.Store, func(string)) {
		path := filepath.Join(t.TempDir(), "caravan.db")
		store, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		store.keys.Min, store.keys.Pause = 1, 0
		db, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(ON)&_pragma=busy_timeout(60000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return store, func(statement string) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%v in %s", err, statement)
			}
		}
	})
}

// keyed is a batch of n messages with client_ids of their own.
func (s *sender) keyed(n int) []*room.Op {
	batch := make([]*room.Op, n)
	for i := range batch {
		batch[i] = &room.Op{
			Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), ClientID: uuid.NewString(), Content: fmt.Sprint("message ", i), Type: protocol.TypeText},
			Room:   s.access.Room.ID, Trip: s.access.Room.TripID, Sender: s.access.User, At: time.Now().UTC().Truncate(time.Microsecond),
		}
	}
	return batch
}

func (s *sender) mustAppend(t *testing.T, batch []*room.Op) {
	t.Helper()
	if err := s.Append(t.Context(), batch, room.Within{}); err != nil {
		t.Fatal(err)
	}
}

// TestALargeBatchIsStoredOnceWhereSomeIsKnown, with the index on client_ids and without it.
func TestALargeBatchIsStoredOnceWhereSomeIsKnown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"with the index":       "SELECT 1",
		"dropped":              "DROP INDEX caravan_messages_client",
		"an index of its name": "DROP INDEX caravan_messages_client; CREATE INDEX caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			s.keys.Pause = time.Hour
			first := s.keyed(keysMin)
			s.mustAppend(t, first)
			if !s.keys.AreNew(keysMin) {
				t.Error("client_ids were looked up though all are new")
			}
			if _, err := s.writer.Exec(change); err != nil {
				t.Fatal(err)
			}
			again := *first[5]
			again.MessageID, again.Outcome, again.Seq, again.Message = uuid.Must(uuid.NewV7()), room.Pending, 0, nil
			mixed := append(s.keyed(keysMin), &again)
			s.mustAppend(t, mixed)
			if again.Outcome != room.Duplicate || again.Message.ID != first[5].MessageID {
				t.Errorf("what was sent again: outcome %d, %+v", again.Outcome, again.Message)
			}
			for i, op := range mixed[:keysMin] {
				if op.Outcome != room.Stored || op.Seq != int64(keysMin+i+1) {
					t.Errorf("message %d: outcome %d, number %d", i, op.Outcome, op.Seq)
				}
			}
			if s.keys.AreNew(keysMin) {
				t.Error("client_ids are taken for new shortly after one was known")
			}
		})
	}
}
