package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

const (
	findUsage = `SELECT chat_room_id, seq, bytes FROM chat_usage WHERE chat_room_id = ANY($1)`

	findSent = `SELECT user_id, day, messages FROM chat_sent WHERE user_id = ANY($1)`

	countContents = `SELECT count(*), coalesce(sum(octet_length(content::text) + coalesce(octet_length(extra->>'data'), 0)), 0)::bigint, coalesce(max(seq), 0)
	FROM (SELECT seq, content, extra FROM chat_messages WHERE chat_room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) m`

	setUsage = `INSERT INTO chat_usage (chat_room_id, seq, bytes) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])
	ON CONFLICT (chat_room_id) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes`

	// addSent begins anew on a later day, and leaves out what comes late from the day before.
	addSent = `INSERT INTO chat_sent AS t (user_id, day, messages) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])
	ON CONFLICT (user_id) DO UPDATE SET day = excluded.day,
		messages = CASE WHEN t.day = excluded.day THEN t.messages ELSE 0 END + excluded.messages
	WHERE t.day <= excluded.day`
)

// queueQuotas asks for what the quotas of a lookup need.
func queueQuotas(batch *pgx.Batch, l *persist.Lookup, found *persist.Found) {
	if l.Quotas.RoomBytes > 0 {
		batch.Queue(findUsage, ids(l.Rooms)).Query(func(rows pgx.Rows) error {
			var in [16]byte
			var u persist.Usage
			_, err := pgx.ForEachRow(rows, []any{&in, &u.Seq, &u.Bytes}, func() error {
				found.Usage[in] = u
				return nil
			})
			return err
		})
	}
	if l.Quotas.UserMessagesPerDay > 0 {
		batch.Queue(findSent, ids(l.Users())).Query(func(rows pgx.Rows) error {
			var user [16]byte
			var s persist.Sent
			_, err := pgx.ForEachRow(rows, []any{&user, &s.Day, &s.Messages}, func() error {
				found.Sent[user] = s
				return nil
			})
			return err
		})
	}
}

// countUncounted counts what was stored in the rooms while nobody did. They are locked.
func countUncounted(ctx context.Context, conn *pgx.Conn, l *persist.Lookup, found *persist.Found) error {
	if l.Quotas.RoomBytes == 0 {
		return nil
	}
	for id := range found.Rooms {
		err := found.Use(id, found.Usage[id], func(after int64) (p persist.Portion, err error) {
			err = conn.QueryRow(ctx, countContents, [16]byte(id), after, persist.CountedMax).Scan(&p.Messages, &p.Bytes, &p.Last)
			return p, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func queueSpent(batch *pgx.Batch, plan *persist.Plan) {
	if n := len(plan.Usage); n > 0 {
		rooms, seqs, bytes := make([][16]byte, n), make([]int64, n), make([]int64, n)
		for i, u := range plan.Usage {
			rooms[i], seqs[i], bytes[i] = u.Room, u.Seq, u.Bytes
		}
		batch.Queue(setUsage, rooms, seqs, bytes)
	}
	if n := len(plan.Sent); n > 0 {
		users, days, messages := make([][16]byte, n), make([]int64, n), make([]int64, n)
		for i, s := range plan.Sent {
			users[i], days[i], messages[i] = s.User, s.Day, s.Messages
		}
		batch.Queue(addSent, users, days, messages)
	}
}
