package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/caravan-chat/caravan/room"
)

const (
	selectDue = `SELECT message_id, chat_room_id FROM chat_summaries_due WHERE due_at <= ? ORDER BY due_at, message_id LIMIT ?`

	selectUncounted = `SELECT message_id FROM chat_uncounted LIMIT 1`

	// selectAnswers returns what the next answers answer, after a message: ids, which may repeat.
	selectAnswers = `SELECT reply_to_id, chat_room_id FROM chat_messages WHERE reply_to_id > ? ORDER BY reply_to_id LIMIT ?`

	moveUncounted = `UPDATE chat_uncounted SET message_id = ? WHERE message_id = ?`
	endUncounted  = `DELETE FROM chat_uncounted`
)

// DueSummaries implements room.Store.
func (s *Store) DueSummaries(ctx context.Context, age time.Duration, limit int) ([]room.DueSummary, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	all, err := s.dueSummaries(ctx, age, limit)
	if err != nil || len(all) > 0 {
		return all, err
	}
	var after string
	uncounted, err := scanRow(s.read.uncounted.QueryRowContext(ctx), &after)
	if err != nil {
		return nil, unreachable(err)
	}
	if !uncounted || limit <= 0 {
		return nil, nil
	}
	if err := writeAll(ctx, s.writer, func(tx *sql.Tx) error { return makeUncountedDue(ctx, tx, after, age, limit) }); err != nil {
		return nil, unreachable(err)
	}
	return s.dueSummaries(ctx, age, limit)
}

func (s *Store) dueSummaries(ctx context.Context, age time.Duration, limit int) (all []room.DueSummary, err error) {
	rows, err := s.read.due.QueryContext(ctx, formatStamp(time.Now().Add(-age)), limit)
	if err != nil {
		return nil, unreachable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var d room.DueSummary
		if err := rows.Scan(&d.Message, &d.Room); err != nil {
			return nil, unreachable(err)
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return nil, unreachable(err)
	}
	return all, nil
}

// makeUncountedDue makes summaries due, for so long already, of messages after one that were
// answered before answers were counted: those of the next answers, at most limit.
func makeUncountedDue(ctx context.Context, tx *sql.Tx, after string, age time.Duration, limit int) error {
	answers, err := answered(ctx, tx, after, limit)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		_, err := tx.ExecContext(ctx, endUncounted)
		return err
	}
	since := formatStamp(time.Now().Add(-age))
	for _, a := range answers {
		if _, err := tx.ExecContext(ctx, insertDue, a.message, a.room, since); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, moveUncounted, answers[len(answers)-1].message, after)
	return err
}

// answer is which message one answers, and in which room, as the file has it.
type answer struct{ message, room string }

func answered(ctx context.Context, tx *sql.Tx, after string, limit int) (all []answer, err error) {
	rows, err := tx.QueryContext(ctx, selectAnswers, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a answer
		if err := rows.Scan(&a.message, &a.room); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}
