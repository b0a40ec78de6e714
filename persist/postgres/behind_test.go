package postgres

import (
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestNumbersBehindTheMessages: somebody set a room's last_seq back. Its messages
// are refused for now, which is nobody's fault, and the batch's others are stored.
func TestNumbersBehindTheMessages(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 2)
	f.mustAppend(f.send(0, "one"), f.send(0, "two"), f.send(0, "three"))
	for _, rows := range []int{1, 4, 2 * copyRowsMin} { // express, general, copied
		for _, back := range []int64{0, 1, 2} {
			f.exec("UPDATE chat_rooms SET last_seq = $2 WHERE id = $1", [16]byte(f.rooms[0]), back)
			batch := make([]*room.Op, rows)
			for i := range batch {
				batch[i] = f.send(i%2, "x")
			}
			if err := f.Append(t.Context(), batch, room.Within{}); err != nil {
				t.Fatalf("%d ops, back at %d: %v", rows, back, err)
			}
			for i, op := range batch {
				if i%2 == 0 && (op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable) {
					t.Fatalf("%d ops, back at %d: op %d in that room: outcome %d, %v", rows, back, i, op.Outcome, op.Err)
				}
				if i%2 == 1 && op.Outcome != room.Stored {
					t.Fatalf("%d ops, back at %d: op %d in the other room: outcome %d, %v", rows, back, i, op.Outcome, op.Err)
				}
			}
		}
	}
	f.exec("UPDATE chat_rooms SET last_seq = 3 WHERE id = $1", [16]byte(f.rooms[0]))
	f.mustAppend(f.send(0, "four"))
	f.mustStand(0, 4)
}
