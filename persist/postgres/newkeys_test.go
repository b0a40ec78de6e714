package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/storetest"
	"github.com/caravan-chat/caravan/room"
)

// takeKeysForNew has every batch that takes the general way take its client_ids for new.
func takeKeysForNew(s *Store) *Store {
	s.keys.Min, s.keys.Pause = 1, 0
	return s
}

// TestConformanceWhereKeysAreTakenForNew: all is as if they were looked up first.
func TestConformanceWhereKeysAreTakenForNew(t *testing.T) {
	t.Parallel()
	storetest.RunKeyed(t, func(t *testing.T) (storetest.Store, func(string)) {
		f := &fleet{t: t, url: migrated.Postgres(t, pgserver.Shared(t))}
		return takeKeysForNew(openStore(t, Config{URL: f.url, Log: quiet})), func(sql string) {
			t.Helper()
			f.exec(sql)
		}
	})
}

// keyed is a batch of n messages with client_ids of their own.
func (f *fleet) keyed(n int) []*room.Op {
	batch := make([]*room.Op, n)
	for i := range batch {
		batch[i] = f.send(i%len(f.rooms), fmt.Sprint("message ", i))
		batch[i].ClientID = uuid.NewString()
	}
	return batch
}

// resent is op as its client sends it again.
func (f *fleet) resent(op *room.Op) *room.Op {
	again := *op
	again.MessageID, again.Outcome, again.Seq, again.Message = uuid.Must(uuid.NewV7()), room.Pending, 0, nil
	return &again
}

// scans is how often the index of client_ids was used to look one up.
func (f *fleet) scans() (n int64) {
	f.t.Helper()
	conn := f.session()
	for _, pool := range f.primary.pools { // so that what they have counted is told
		pool.Reset()
	}
	deadline := time.Now().Add(time.Minute)
	for {
		if err := conn.QueryRow(f.t.Context(), `SELECT (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'caravan_messages_client')
			WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'caravan')`).Scan(&n); err == nil {
			return n
		}
		if time.Now().After(deadline) {
			f.t.Fatal("the store's connections do not end")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestKeysAreLookedUpWhileSomeAreKnown: a large batch looks none up, and is stored once
// all the same where one is known; those after it look them up.
func TestKeysAreLookedUpWhileSomeAreKnown(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 2)
	first := f.keyed(2 * keysMin)
	f.mustAppend(first...)
	if n := f.scans(); n != 0 {
		t.Errorf("%d client_ids were looked up though all are new", n)
	}

	f.keys.Pause = time.Hour
	mixed := append(f.keyed(keysMin), f.resent(first[7]), f.resent(first[8]))
	f.mustAppend(mixed...)
	for i, op := range mixed {
		switch known := i >= keysMin; {
		case known && (op.Outcome != room.Duplicate || op.Message.ID != first[7+i-keysMin].MessageID):
			t.Errorf("what was sent again: outcome %d, %+v", op.Outcome, op.Message)
		case !known && op.Outcome != room.Stored:
			t.Errorf("message %d: outcome %d", i, op.Outcome)
		}
	}
	looked := f.scans()
	if looked < int64(len(mixed)) {
		t.Errorf("%d client_ids were looked up, of a batch of %d of which two are known", looked, len(mixed))
	}
	f.mustAppend(f.keyed(keysMin)...)
	if n := f.scans() - looked; n < keysMin {
		t.Errorf("%d client_ids were looked up shortly after some were known, of %d", n, keysMin)
	}

	f.keys.Pause = 0
	looked = f.scans()
	f.mustAppend(f.keyed(keysMin)...)
	if n := f.scans() - looked; n != 0 {
		t.Errorf("%d client_ids were looked up long after some were known", n)
	}
	for in := range f.rooms {
		f.mustStand(in, int64(2*keysMin+3*keysMin)/2)
	}
}

// TestARefusalIsNoAnswerToWhatIsKnown: what would be refused if it were new is answered
// by what was stored, and what is refused is no reason to store less.
func TestARefusalIsNoAnswerToWhatIsKnown(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	original := f.send(0, "original")
	f.mustAppend(original)
	reply := f.send(0, "reply")
	reply.ClientID, reply.ReplyTo = "reply", original.MessageID
	f.mustAppend(reply)
	f.exec("UPDATE chat_messages SET deleted_at = now() WHERE id = $1", original.MessageID)

	batch := f.keyed(keysMin)
	again, other := f.resent(reply), f.resent(reply)
	other.ClientID = "another reply"
	f.mustAppend(append(batch, again, other)...)
	if again.Outcome != room.Duplicate || again.Message.ID != reply.MessageID {
		t.Errorf("a reply that is known: outcome %d, %v", again.Outcome, again.Err)
	}
	if other.Outcome != room.Refused || batch[0].Outcome != room.Stored || batch[keysMin-1].Outcome != room.Stored {
		t.Errorf("outcomes %d, %d and %d", other.Outcome, batch[0].Outcome, batch[keysMin-1].Outcome)
	}
}

// TestWhatIsRefusedIsNoReasonToLookKeysUp: others' batches after it are as quick.
func TestWhatIsRefusedIsNoReasonToLookKeysUp(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	f.keys.Pause = time.Hour
	refused := f.send(0, "reply to nothing")
	refused.ClientID, refused.ReplyTo = "refused", uuid.New()
	f.mustAppend(append(f.keyed(keysMin), refused)...)
	if refused.Outcome != room.Refused {
		t.Fatalf("outcome %d", refused.Outcome)
	}
	looked := f.scans()
	f.mustAppend(f.keyed(keysMin)...)
	if n := f.scans() - looked; n != 0 {
		t.Errorf("%d client_ids were looked up after a message was refused", n)
	}
}

// TestAKeyThatIsTakenIsNobodysFault: whoever else stored it, the next look-up finds it, and no client is told that
// what it sent is malformed.
func TestAKeyThatIsTakenIsNobodysFault(t *testing.T) {
	t.Parallel()
	err := undone(&pgconn.PgError{Severity: "ERROR", Code: codeUnique, ConstraintName: "caravan_messages_client"})
	var data *persist.DataError
	if errors.As(err, &data) || !errors.Is(err, persist.ErrConflict) || !persist.Refuted(err) {
		t.Errorf("got %v", err)
	}
}

// TestKeysAreLookedUpWhereNoIndexGuardsThem: whoever drops it gets no message twice.
func TestKeysAreLookedUpWhereNoIndexGuardsThem(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"dropped":    "DROP INDEX caravan_messages_client",
		"not unique": "DROP INDEX caravan_messages_client; CREATE INDEX caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id)",
		"invalid":    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'caravan_messages_client'::regclass",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
			first := f.keyed(keysMin)
			f.mustAppend(first...)
			f.exec(change)
			f.keys.Pause = 0
			batch := append(f.keyed(keysMin), f.resent(first[0]))
			f.mustAppend(batch...)
			if again := batch[keysMin]; again.Outcome != room.Duplicate {
				t.Errorf("what was sent again: outcome %d", again.Outcome)
			}
			f.mustStand(0, 2*keysMin)
		})
	}
}
