package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// storeOne takes a number and stores a message in one statement. The update of
// the room's row is also its lock, and goes by the row that the lock found. Where
// the room or the sender does not exist, or the client_id is known, no row is
// stored and none returned.
var storeOne, storedOne = makeStoreOne()

// makeStoreOne also returns the columns whose values are its arguments: all but the numbers.
func makeStoreOne() (sql string, given []column) {
	param := make(map[string]string)
	for _, c := range messageTable {
		if c.numbered {
			param[c.name] = "grown.last_seq"
			continue
		}
		given = append(given, c)
		param[c.name] = fmt.Sprintf("$%d::%s", len(given), c.sqlType)
	}
	return `WITH grown AS (UPDATE chat_rooms SET last_seq = last_seq + 1 WHERE id = ` + param["chat_room_id"] + ` RETURNING last_seq)
	INSERT INTO chat_messages (` + messageNames + `)
	SELECT ` + list(messageTable, func(c column) string { return c.stored(param[c.name]) }) + `
	FROM grown CROSS JOIN users u WHERE u.id = ` + param["sender_id"] + `
	ON CONFLICT (chat_room_id, sender_id, client_id) WHERE client_id IS NOT NULL DO NOTHING
	RETURNING seq, pg_current_xact_id()`, given
}

// express opens a transaction and writes a batch of one in one round trip,
// presuming that it is a new message of a known sender in a known room. Where that
// is so it returns the plan that has been written, and the transaction's number;
// where not, nil, and the transaction must be rolled back.
func express(ctx context.Context, conn *pgx.Conn, ops []*room.Op, l *persist.Lookup) (plan *persist.Plan, xact uint64, err error) {
	var batch pgx.Batch
	batch.Queue(begin)
	presumed := presume(ops, l) // but for its number
	args := make([]any, len(storedOne))
	for i, c := range storedOne {
		args[i] = c.value(presumed.Inserts[0])
	}
	batch.Queue(storeOne, args...).
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
	found.Rooms[ops[0].Room] = 0
	found.Senders[ops[0].Sender.ID] = struct{}{}
	return persist.Settle(ops, l, found)
}
