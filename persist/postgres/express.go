package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// storedOne are the columns whose values are arguments of makeStoreOne's statement: all
// but the numbers. After them comes the trip.
var storedOne = slices.DeleteFunc(slices.Clone(plainTable), func(c column) bool { return c.numbered })

// makeStoreOne makes the statement that takes a number and stores a message. The update of
// the room's row is also its lock, and goes by the row that the lock found. Where
// the room does not exist, the sender may not be there, or the client_id is known, no row
// is stored and none returned.
func makeStoreOne(collaborates string) string {
	param := make(map[string]string)
	for i, c := range storedOne {
		param[c.name] = fmt.Sprintf("$%d::%s", i+1, c.sqlType)
	}
	given := func(c column) string {
		if c.numbered {
			return "s.last_seq"
		}
		return c.stored(param[c.name])
	}
	return fmt.Sprintf(`WITH grown AS (UPDATE chat_rooms SET last_seq = last_seq + 1 WHERE id = %s AND trip_id = $%d RETURNING last_seq, trip_id)
	INSERT INTO chat_messages (%s) SELECT %s
	FROM (SELECT last_seq, trip_id AS trip, %s AS sender FROM grown) s CROSS JOIN %s m
	ON CONFLICT (chat_room_id, sender_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
	RETURNING seq, pg_current_xact_id()`,
		param["chat_room_id"], len(storedOne)+1, plainRows.names, list(plainTable, given), param["sender_id"], collaborates)
}

// express opens a transaction and writes a batch of one in one round trip,
// presuming that it is a new message of a collaborator in a known room. Where that
// is so it returns the plan that has been written, and the transaction's number;
// where not, nil, and the transaction must be rolled back.
func express(ctx context.Context, conn *pgx.Conn, who *membership, ops []*room.Op, l *persist.Lookup) (plan *persist.Plan, xact uint64, err error) {
	var batch pgx.Batch
	batch.Queue(begin)
	presumed := presume(ops, l) // but for its number
	args := make([]any, 0, len(storedOne)+1)
	for _, c := range storedOne {
		args = append(args, c.value(presumed.Inserts[0]))
	}
	batch.Queue(who.storeOne, append(args, [16]byte(ops[0].Trip))...).
		QueryRow(func(row pgx.Row) error {
			var seq int64
			err := row.Scan(&seq, &xact)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err == nil {
				plan = presumed
				plan.NumberMessage(seq)
			}
			return err
		})
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, 0, err
	}
	return plan, xact, nil
}

// presume settles a batch of one of which all is as express presumes.
func presume(ops []*room.Op, l *persist.Lookup) *persist.Plan {
	found := persist.NewFound(l)
	found.Rooms[ops[0].Room] = persist.Room{Trip: ops[0].Trip}
	found.Senders[l.Senders[0]] = struct{}{}
	return persist.Settle(ops, l, found)
}
