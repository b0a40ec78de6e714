package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

const (
	selectReadMarks = `SELECT t.user_id, least(t.read_seq, r.last_seq), t.updated_at
	FROM chat_rooms r JOIN chat_reads t ON t.chat_room_id = r.id
	WHERE r.id = $1 AND t.user_id > $2 ORDER BY t.user_id LIMIT $3`

	// selectMarksOfFew looks at one collaborator more than $2.
	selectMarksOfFew = `SELECT c.user_id, least(coalesce(t.read_seq, 0), r.last_seq), NULL::timestamptz
	FROM chat_rooms r
	CROSS JOIN LATERAL (SELECT DISTINCT x.user_id FROM
		(SELECT user_id FROM collaborators c WHERE c.trip_id = r.trip_id ORDER BY user_id) x LIMIT $2 + 1) c
	LEFT JOIN chat_reads t ON t.chat_room_id = r.id AND t.user_id = c.user_id
	WHERE r.id = $1 ORDER BY c.user_id`

	countReaders = `SELECT count(*) FROM chat_reads WHERE chat_room_id = $1 AND read_seq >= $2 AND user_id <> $3`

	selectReaders = `SELECT t.user_id, coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, '')
	FROM chat_reads t LEFT JOIN users u ON u.id = t.user_id
	WHERE t.chat_room_id = $1 AND t.read_seq >= $2 AND t.user_id <> $3 AND t.user_id > $4 ORDER BY t.user_id LIMIT $5`
)

// ReadMarks implements room.Store.
func (s *Store) ReadMarks(ctx context.Context, in, after uuid.UUID, limit int) (p room.ReadMarkPage, err error) {
	if p.Marks, err = s.readMarks(ctx, selectReadMarks, [16]byte(in), [16]byte(after), limit+1); err != nil {
		return room.ReadMarkPage{}, fault("read marks", err)
	}
	return persist.CutReadMarks(p, limit), nil
}

// MarksOfFew implements room.Store.
func (s *Store) MarksOfFew(ctx context.Context, in uuid.UUID, most int) (marks []protocol.ReadMark, few bool, err error) {
	all, err := s.readMarks(ctx, selectMarksOfFew, [16]byte(in), most)
	if err != nil {
		return nil, false, fault("marks of few", err)
	}
	marks, few = persist.MarksOfFew(all, most)
	return marks, few, nil
}

func (s *Store) readMarks(ctx context.Context, sql string, args ...any) (all []protocol.ReadMark, err error) {
	err = s.again(ctx, s.bulk, func() error {
		all = nil
		rows, err := s.bulk.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var m protocol.ReadMark
		var at *time.Time // nil: it is not asked for
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&m.User), &m.Seq, &at}, func() error {
			if m.At = (time.Time{}); at != nil {
				m.At = at.UTC()
			}
			all = append(all, m)
			return nil
		})
		return err
	})
	return all, err
}

// Readers implements room.Store.
func (s *Store) Readers(ctx context.Context, q room.ReadersQuery) (p room.ReaderPage, err error) {
	err = s.again(ctx, s.bulk, func() error {
		p = room.ReaderPage{}
		args := []any{[16]byte(q.Room), q.Seq, [16]byte(q.Sender), [16]byte(q.After), q.Limit + 1}
		var batch pgx.Batch
		batch.Queue(countReaders, args[:3]...).QueryRow(func(row pgx.Row) error { return row.Scan(&p.Count) })
		batch.Queue(selectReaders, args...).Query(func(rows pgx.Rows) error {
			var u protocol.User
			_, err := pgx.ForEachRow(rows, []any{(*[16]byte)(&u.ID), &u.Email, &u.Username, &u.FirstName, &u.LastName}, func() error {
				p.Users = append(p.Users, u)
				return nil
			})
			return err
		})
		return s.bulk.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return room.ReaderPage{}, fault("readers", err)
	}
	return persist.CutReaders(p, q.Limit), nil
}
