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
		result, err := tx.Stmt(*s.write.marks[m.Column]).Exec(m.Room.String(), m.User.String(), m.Value, formatStamp(m.At))
		if err != nil {
			return err
		}
		raised, err := result.RowsAffected()
		if err != nil {
			return err
		}
		m.Kept = raised == 0
	}
	return nil
}

const (
	// selectMark tells the mark, and how many numbers there are after it.
	selectMark = `SELECT at, coalesce(last_seq, 0) - at FROM (SELECT last_seq, min(coalesce((SELECT CAST(read_seq AS INTEGER) FROM chat_reads
		WHERE chat_room_id = ?1 AND user_id = ?2), 0), coalesce(last_seq, 0)) AS at FROM chat_rooms WHERE id = ?1)`

	// selectUnread looks, of ?4 messages after the number ?3, at as many as it needs to find ?5 of others.
	selectUnread = `SELECT count(*) FROM (SELECT 1 FROM (SELECT sender_id, deleted_at FROM chat_messages WHERE chat_room_id = ?1 AND seq > ?3 ORDER BY seq LIMIT ?4)
		WHERE sender_id IS NOT ?2 AND deleted_at IS NULL LIMIT ?5)`

	// selectFurther tells whether there are more than ?3 messages after the number ?2.
	selectFurther = `SELECT EXISTS (SELECT 1 FROM chat_messages WHERE chat_room_id = ?1 AND seq > ?2 ORDER BY seq LIMIT 1 OFFSET ?3)`

	// selectMentioned takes ?4 mentions after the number ?3, and as many of everybody. Of these it looks
	// up as many messages as it needs to find ?5: one may be among both.
	selectMentioned = `SELECT count(DISTINCT seq) FROM (SELECT m.seq FROM (
			SELECT seq FROM (SELECT seq FROM chat_mentions WHERE user_id = ?2 AND chat_room_id = ?1 AND seq > ?3 ORDER BY seq LIMIT ?4)
			UNION ALL
			SELECT seq FROM (SELECT seq FROM chat_mentions WHERE user_id = ` + noID + ` AND chat_room_id = ?1 AND seq > ?3 ORDER BY seq LIMIT ?4)) x
		CROSS JOIN chat_messages m WHERE m.chat_room_id = ?1 AND m.seq = x.seq AND m.deleted_at IS NULL AND m.sender_id IS NOT ?2 LIMIT 2 * ?5)`

	selectReadMarks = `SELECT t.user_id, min(t.read_seq, coalesce(r.last_seq, 0)), t.updated_at FROM chat_rooms r JOIN chat_reads t ON t.chat_room_id = r.id
		WHERE r.id = ?1 AND t.user_id > ?2 ORDER BY t.user_id LIMIT ?3`

	selectMarksOfFew = `SELECT c.user_id, min(coalesce(CAST(t.read_seq AS INTEGER), 0), coalesce(r.last_seq, 0)), '1970-01-01 00:00:00'
		FROM chat_rooms r CROSS JOIN (SELECT DISTINCT user_id FROM collaborators WHERE trip_id = (SELECT trip_id FROM chat_rooms WHERE id = ?1) LIMIT ?2 + 1) c
		LEFT JOIN chat_reads t ON t.chat_room_id = r.id AND t.user_id = c.user_id WHERE r.id = ?1 ORDER BY c.user_id`

	countReaders = `SELECT count(*) FROM chat_reads WHERE chat_room_id = ?1 AND read_seq >= ?2 AND user_id <> ?3`

	selectReaders = `SELECT t.user_id, coalesce(u.email, ''), coalesce(u.username, ''), coalesce(u.first_name, ''), coalesce(u.last_name, '')
		FROM chat_reads t LEFT JOIN users u ON u.id = t.user_id
		WHERE t.chat_room_id = ?1 AND t.read_seq >= ?2 AND t.user_id <> ?3 AND t.user_id > ?4 ORDER BY t.user_id LIMIT ?5`
)

// Reading implements room.Store.
func (s *Store) Reading(ctx context.Context, in, user uuid.UUID) (r room.Reading, err error) {
	err = s.bulk.snapshot(ctx, func(tx *sql.Tx) error {
		r, err = s.bulk.readingIn(ctx, tx, in, user)
		return err
	})
	return r, err
}

// readingIn is zero where there is no such room.
func (r *reading) readingIn(ctx context.Context, tx *sql.Tx, in, user uuid.UUID) (is room.Reading, err error) {
	var numbers int64
	if there, err := scanRow(tx.StmtContext(ctx, r.mark).QueryRowContext(ctx, in.String(), user.String()), &is.Seq, &numbers); err != nil || !there {
		return is, err
	}
	if numbers == 0 {
		return is, nil
	}
	is.Looked = int(min(numbers, protocol.UnreadLookedMax+1))
	const looked = protocol.UnreadLookedMax
	var others, mentions int
	if _, err := scanRow(tx.StmtContext(ctx, r.unread).QueryRowContext(ctx, in.String(), user.String(), is.Seq, looked, protocol.UnreadMax), &others); err != nil {
		return is, err
	}
	var more bool
	if others == 0 && numbers > looked {
		if _, err := scanRow(tx.StmtContext(ctx, r.further).QueryRowContext(ctx, in.String(), is.Seq, looked), &more); err != nil {
			return is, err
		}
	}
	_, err = scanRow(tx.StmtContext(ctx, r.mentioned).QueryRowContext(ctx, in.String(), user.String(), is.Seq, looked, protocol.MentionsCountedMax), &mentions)
	is.Unread, is.Mentions = persist.Unread(others, more), min(mentions, protocol.MentionsCountedMax)
	return is, err
}

// ReadMarks implements room.Store.
func (s *Store) ReadMarks(ctx context.Context, in, after uuid.UUID, limit int) (p room.ReadMarkPage, err error) {
	rows, err := s.bulk.readMarks.QueryContext(ctx, in.String(), after.String(), limit+1)
	if err != nil {
		return p, unreachable(err)
	}
	if p.Marks, err = scanMarks(rows); err != nil {
		return room.ReadMarkPage{}, unreachable(err)
	}
	return persist.CutReadMarks(p, limit), nil
}

// MarksOfFew implements room.Store.
func (s *Store) MarksOfFew(ctx context.Context, in uuid.UUID, most int) (marks []protocol.ReadMark, few bool, err error) {
	rows, err := s.bulk.marksOfFew.QueryContext(ctx, in.String(), most)
	if err != nil {
		return nil, false, unreachable(err)
	}
	all, err := scanMarks(rows)
	if err != nil {
		return nil, false, unreachable(err)
	}
	marks, few = persist.MarksOfFew(all, most)
	return marks, few, nil
}

func scanMarks(rows *sql.Rows) (all []protocol.ReadMark, err error) {
	defer rows.Close()
	for rows.Next() {
		var m protocol.ReadMark
		if err := rows.Scan(&m.User, &m.Seq, stamp{&m.At}); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// Readers implements room.Store.
func (s *Store) Readers(ctx context.Context, q room.ReadersQuery) (p room.ReaderPage, err error) {
	err = s.bulk.snapshot(ctx, func(tx *sql.Tx) error {
		args := []any{q.Room.String(), q.Seq, q.Sender.String(), q.After.String(), q.Limit + 1}
		if err := tx.StmtContext(ctx, s.bulk.readerCount).QueryRowContext(ctx, args[:3]...).Scan(&p.Count); err != nil {
			return err
		}
		rows, err := tx.StmtContext(ctx, s.bulk.readers).QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var u protocol.User
			if err := rows.Scan(&u.ID, &u.Email, &u.Username, &u.FirstName, &u.LastName); err != nil {
				return err
			}
			p.Users = append(p.Users, u)
		}
		return rows.Err()
	})
	return persist.CutReaders(p, q.Limit), err
}
