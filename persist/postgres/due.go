package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/room"
)

const (
	// selectDue reads the whole table, which has few rows: those of a second, as a rule.
	selectDue = `SELECT message_id, chat_room_id FROM chat_summaries_due WHERE due_at <= clock_timestamp() - $1::interval ORDER BY due_at, message_id LIMIT $2`

	// makeUncountedDue makes summaries due, for so long already, of messages that were answered
	// before answers were counted: those of the next answers, at most $2. One node does it at a
	// time. It returns how many answers it looked at.
	makeUncountedDue = `WITH place AS (SELECT message_id FROM chat_uncounted LIMIT 1 FOR UPDATE SKIP LOCKED),
	answers AS (SELECT m.reply_to_id, m.chat_room_id FROM place CROSS JOIN LATERAL (SELECT t.reply_to_id, t.chat_room_id FROM chat_messages t
		WHERE t.reply_to_id > place.message_id ORDER BY t.reply_to_id LIMIT $2) m),
	due AS (INSERT INTO chat_summaries_due (message_id, chat_room_id, due_at)
		SELECT reply_to_id, chat_room_id, now() - $1::interval FROM answers ON CONFLICT DO NOTHING),
	moved AS (UPDATE chat_uncounted c SET message_id = (SELECT a.reply_to_id FROM answers a ORDER BY a.reply_to_id DESC LIMIT 1)
		FROM place WHERE c.message_id = place.message_id AND EXISTS (SELECT FROM answers)),
	ended AS (DELETE FROM chat_uncounted c USING place WHERE c.message_id = place.message_id AND NOT EXISTS (SELECT FROM answers))
	SELECT count(*) FROM answers`
)

// DueSummaries implements room.Store.
func (s *Store) DueSummaries(ctx context.Context, age time.Duration, limit int) ([]room.DueSummary, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, fault("due summaries", err)
	}
	defer done()
	all, err := s.dueSummaries(ctx, age, limit)
	if err != nil || len(all) > 0 || limit <= 0 {
		return all, err
	}
	var answers int
	err = s.again(ctx, s.readers, func() error { return s.readers.QueryRow(ctx, makeUncountedDue, age, limit).Scan(&answers) })
	if err != nil {
		return nil, fault("make uncounted answers due", err)
	}
	if answers == 0 {
		return nil, nil
	}
	return s.dueSummaries(ctx, age, limit)
}

func (s *Store) dueSummaries(ctx context.Context, age time.Duration, limit int) (all []room.DueSummary, err error) {
	err = s.again(ctx, s.readers, func() error {
		all = nil
		rows, err := s.readers.Query(ctx, selectDue, age, limit)
		if err != nil {
			return err
		}
		var d room.DueSummary
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&d.Message), (*[16]byte)(&d.Room)}, func() error {
			all = append(all, d)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fault("due summaries", err)
	}
	return all, nil
}
