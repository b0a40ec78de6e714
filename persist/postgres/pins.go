package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// countPins counts up to a limit, $2.
const countPins = `SELECT q.id, (SELECT count(*) FROM (SELECT FROM chat_messages m
		WHERE m.chat_room_id = q.id AND m.pinned_at IS NOT NULL AND m.deleted_at IS NULL LIMIT $2) p)
	FROM unnest($1::uuid[]) AS q(id)`

func queuePins(batch *pgx.Batch, l *persist.Lookup, found *persist.Found) {
	if len(l.Pins) == 0 {
		return
	}
	batch.Queue(countPins, ids(l.Pins), protocol.PinsMax).Query(func(rows pgx.Rows) error {
		var in [16]byte
		var n int
		_, err := pgx.ForEachRow(rows, []any{&in, &n}, func() error {
			found.Pins[in] = n
			return nil
		})
		return err
	})
}
