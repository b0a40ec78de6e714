package sqlite

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/storetest"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestNumbersOfClientIDs stand in files for ever, so they may not change.
func TestNumbersOfClientIDs(t *testing.T) {
	key := persist.ClientKey{Room: uuid.MustParse("6b1f2f57-3c1d-4e8a-9b0e-2f4c6a8d0e1f"), Sender: uuid.MustParse("0199b3c1-11aa-7b1e-9c77-0d8f3c5b6a42")}
	for clientID, want := range map[string]int64{
		"a1":                                   6257299085096846194,
		"9f0c2d1e-5a6b-4c7d-8e9f-0a1b2c3d4e5f": 6257299083848733789,
		"0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5a": 7380539282712618113, // 0x0199b3c57d0e ms
		"0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5é": 6257299085862490440,
		strings.Repeat("é", 64):                6257299083489005019,
	} {
		key.ClientID = clientID
		if got := clientNumber(key); got != want {
			t.Errorf("%q: %d, want %d", clientID, got, want)
		}
	}
}

// TestNumbersOfOneSenderStandTogether where client_ids say no time.
func TestNumbersOfOneSenderStandTogether(t *testing.T) {
	room, sender := uuid.New(), uuid.New()
	upper := make(map[int64]bool)
	for range 100 {
		upper[clientNumber(persist.ClientKey{Room: room, Sender: sender, ClientID: uuid.NewString()})>>32] = true
		upper[clientNumber(persist.ClientKey{Room: room, Sender: uuid.New(), ClientID: uuid.NewString()})>>32] = true
	}
	if len(upper) < 100 || len(upper) > 101 { // chance may make two senders one
		t.Errorf("%d places for one sender and 100 others", len(upper))
	}
}

// TestNumbersOfOneTimeStandTogether, whoever sends where.
func TestNumbersOfOneTimeStandTogether(t *testing.T) {
	const at = 0x0199b3c57d0e
	seen := make(map[int64]bool)
	for i := range uint64(1000) {
		id := uuid.New()
		for b := range 6 {
			id[b] = byte((at + i) >> (40 - 8*b))
		}
		id[6] = 0x70 | id[6]&0xf
		n := clientNumber(persist.ClientKey{Room: uuid.New(), Sender: uuid.New(), ClientID: id.String()})
		if second := n >> 32; second != at>>10 && second != at>>10+1 {
			t.Errorf("%s: %x", id, n)
		}
		seen[n] = true
	}
	if len(seen) < 999 {
		t.Errorf("%d numbers of 1000", len(seen))
	}
}

// TestConformanceWhereMessagesHaveNoNumbers: all is as it is where they have some.
func TestConformanceWhereMessagesHaveNoNumbers(t *testing.T) {
	t.Parallel()
	storetest.RunKeyed(t, func(t *testing.T) (storetest.Store, func(string)) {
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
		store.unnumbered = true
		db, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(ON)&_pragma=busy_timeout(60000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		exec := func(statement string) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%v in %s", err, statement)
			}
		}
		exec(`CREATE TRIGGER as_before AFTER INSERT ON chat_messages WHEN NEW.client_key IS NOT NULL
			BEGIN UPDATE chat_messages SET client_key = NULL WHERE id = NEW.id; END`)
		return store, exec
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

func (s *sender) mustAppend(t *testing.T, batch ...*room.Op) {
	t.Helper()
	if err := s.Append(t.Context(), batch, room.Within{}); err != nil {
		t.Fatal(err)
	}
}

// again is what a client sends that heard nothing of an answer.
func again(op *room.Op) *room.Op {
	repeated := *op
	repeated.MessageID, repeated.Outcome, repeated.Seq, repeated.Message = uuid.Must(uuid.NewV7()), room.Pending, 0, nil
	return &repeated
}

// TestOneMessageForAClientID, in batches of all sizes, whatever became of the numbers and their indexes.
func TestOneMessageForAClientID(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"numbers":            "SELECT 1",
		"from before":        "UPDATE chat_messages SET client_key = NULL",
		"some from before":   "UPDATE chat_messages SET client_key = NULL WHERE seq % 2",
		"one number for all": "UPDATE chat_messages SET client_key = (SELECT client_key FROM chat_messages WHERE seq = 6)",
		"no indexes":         "UPDATE chat_messages SET client_key = NULL WHERE seq % 2; DROP INDEX caravan_messages_client; DROP INDEX caravan_messages_client_key",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			first := s.keyed(80)
			s.mustAppend(t, first...)
			if _, err := s.writer.Exec(change); err != nil {
				t.Fatal(err)
			}
			if err := s.checkNumbered(t.Context()); err != nil {
				t.Fatal(err)
			}
			stored := int64(len(first))
			for _, fresh := range []int{0, 1, 7, 79} {
				known := again(first[5])
				mixed := append(s.keyed(fresh), known)
				s.mustAppend(t, mixed...)
				if known.Outcome != room.Duplicate || known.Message == nil || known.Message.ID != first[5].MessageID {
					t.Errorf("beside %d others: outcome %d, %+v", fresh, known.Outcome, known.Message)
				}
				for i, op := range mixed[:fresh] {
					if stored++; op.Outcome != room.Stored || op.Seq != stored {
						t.Errorf("message %d of %d: outcome %d, number %d, want %d", i, fresh, op.Outcome, op.Seq, stored)
					}
				}
			}
		})
	}
}

// TestAnotherClientIDWithTheSameNumber is stored, and found again.
func TestAnotherClientIDWithTheSameNumber(t *testing.T) {
	s := newSender(t)
	pair := s.keyed(2)
	s.mustAppend(t, pair[0])
	_, err := s.writer.Exec("UPDATE chat_messages SET client_key = ?", clientNumber(persist.ClientKey{
		Room: pair[1].Room, Sender: pair[1].Sender.ID, ClientID: pair[1].ClientID,
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.mustAppend(t, pair[1])
	if pair[1].Outcome != room.Stored || pair[1].Seq != 2 {
		t.Errorf("outcome %d, number %d", pair[1].Outcome, pair[1].Seq)
	}
	known := again(pair[1])
	s.mustAppend(t, known)
	if known.Outcome != room.Duplicate || known.Message.ID != pair[1].MessageID {
		t.Errorf("sent again: outcome %d, %+v", known.Outcome, known.Message)
	}
}

// TestClientIDsAreFoundByTheirIndexes, however few messages there were when the plan was made.
func TestClientIDsAreFoundByTheirIndexes(t *testing.T) {
	s := newSender(t)
	for statement, want := range map[string]string{
		strings.Replace(selectUsed, "(?)", "(1)", 1):                    "USING COVERING INDEX caravan_messages_client_key (client_key=?)",
		strings.Replace(usedUnnumbered, "(?)", "(1, 'r', 's', 'c')", 1): "INDEX caravan_messages_client (chat_room_id=? AND sender_id=? AND client_id=?)",
		"SELECT 1 FROM chat_messages m" + withNumber:                    "USING INDEX caravan_messages_client_key (client_key=?)",
		"SELECT 1 FROM chat_messages m" + withoutNumber:                 "INDEX caravan_messages_client (chat_room_id=? AND sender_id=? AND client_id=?)",
		selectUnnumbered: "INDEX caravan_messages_client",
	} {
		if plan := planOf(t, s.writer, statement); !strings.Contains(plan, want) {
			t.Errorf("%s:\n%s; want %s", statement, plan, want)
		}
	}
}

func planOf(t *testing.T, db *sql.DB, statement string) (plan string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
