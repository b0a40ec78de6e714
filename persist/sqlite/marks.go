package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// raiseMark is the statement that stores a mark of that column where it is greater than
// what is there.
func raiseMark(c persist.MarkColumn) string {
	return fmt.Sprintf(`INSERT INTO %[1]s (chat_room_id, user_id, %[2]s, updated_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (chat_room_id, user_id) DO UPDATE SET %[2]s = excluded.%[2]s, updated_at = excluded.updated_at
		WHERE excluded.%[2]s > %[2]s`, c.Table, c.Column)
}

func (s *Store) writeMarks(tx *sql.Tx, plan *persist.Plan) error {
	for i := range plan.Marks {
		m := &plan.Marks[i]
		if _, err := tx.Stmt(*s.write.marks[m.Column]).Exec(m.Room.String(), m.User.String(), m.Value, formatStamp(m.At)); err != nil {
			return err
		}
	}
	return nil
}

const (
	selectMark = `SELECT min(coalesce((SELECT read_seq FROM chat_reads WHERE chat_room_id = ?1 AND user_id = ?2), 0), coalesce(last_seq, 0))
		FROM chat_rooms WHERE id = ?1`

	// selectUnread looks at ?4 messages after the number ?3, and one more.
	selectUnread = `SELECT coalesce(sum(n <= ?4 AND sender_id IS NOT ?2), 0), count(*) FROM (SELECT sender_id, row_number() OVER () AS n
		FROM (SELECT sender_id FROM chat_messages WHERE chat_room_id = ?1 AND seq > ?3 ORDER BY seq LIMIT ?4 + 1))`

	selectReadMarks = `SELECT t.user_id, min(t.read_seq, coalesce(r.last_seq, 0)), t.updated_at FROM chat_rooms r JOIN chat_reads t ON t.chat_room_id = r.id
		WHERE r.id = ?1 AND t.user_id > ?2 ORDER BY t.user_id LIMIT ?3`
)

// Reading implements room.Store.
func (s *Store) Reading(ctx context.Context, in, user uuid.UUID) (r room.Reading, err error) {
	err = s.bulk.snapshot(ctx, func(tx *sql.Tx) error {
		if there, err := scanRow(tx.StmtContext(ctx, s.bulk.mark).QueryRowContext(ctx, in.String(), user.String()), &r.Seq); err != nil || !there {
			return err
		}
		var others int
		_, err := scanRow(tx.StmtContext(ctx, s.bulk.unread).QueryRowContext(ctx, in.String(), user.String(), r.Seq, protocol.UnreadLookedMax), &others, &r.Looked)
		r.Unread = persist.Unread(others, r.Looked > protocol.UnreadLookedMax)
		return err
	})
	return r, err
}

// ReadMarks implements room.Store.
func (s *Store) ReadMarks(ctx context.Context, in, after uuid.UUID, limit int) (p room.ReadMarkPage, err error) {
	rows, err := s.bulk.readMarks.QueryContext(ctx, in.String(), after.String(), limit+1)
	if err != nil {
		return p, unreachable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m protocol.ReadMark
		if err := rows.Scan(&m.User, &m.Seq, stamp{&m.At}); err != nil {
			return p, unreachable(err)
		}
		p.Marks = append(p.Marks, m)
	}
	if err := rows.Err(); err != nil {
		return p, unreachable(err)
	}
	return persist.CutReadMarks(p, limit), nil
}
