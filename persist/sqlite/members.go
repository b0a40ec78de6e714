package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

var (
	selectMembers = `SELECT u.id, coalesce(u.email, ''), coalesce(u.username, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''), ` + theirRole + `, s.last_seen
	FROM chat_rooms r JOIN trips t ON t.id = r.trip_id
	CROSS JOIN (SELECT DISTINCT c.user_id FROM collaborators c CROSS JOIN users u ON u.id = c.user_id
		WHERE c.trip_id = (SELECT trip_id FROM chat_rooms WHERE id = ?1) AND c.user_id > ?2 AND ` + isActive + ` ORDER BY c.user_id LIMIT ?3) m
	JOIN users u ON u.id = m.user_id
	LEFT JOIN chat_seen s ON s.user_id = m.user_id
	WHERE r.id = ?1 ORDER BY m.user_id`

	insertSeen = `INSERT INTO chat_seen (user_id, last_seen) VALUES (?, ?)
	ON CONFLICT (user_id) DO UPDATE SET last_seen = excluded.last_seen WHERE last_seen < excluded.last_seen`
)

// Members implements room.Store.
func (s *Store) Members(ctx context.Context, q room.MembersQuery) (p room.MemberPage, err error) {
	rows, err := s.bulk.members.QueryContext(ctx, q.Room.String(), q.After.String(), q.Limit+1)
	if err != nil {
		return p, unreachable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m room.Member
		var role *string
		u := &m.User
		if err := rows.Scan(&u.ID, &u.Email, &u.Username, &u.FirstName, &u.LastName, &role, stamp{&m.LastSeen}); err != nil {
			return room.MemberPage{}, unreachable(err)
		}
		if m.Role = persist.Role(role); m.LastSeen.Unix() == 0 {
			m.LastSeen = time.Time{}
		}
		p.Members = append(p.Members, m)
	}
	if err := rows.Err(); err != nil {
		return room.MemberPage{}, unreachable(err)
	}
	return persist.CutMembers(p, q.Limit), nil
}

// NoteSeen implements room.Store.
func (s *Store) NoteSeen(ctx context.Context, seen []room.Seen) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return refusal(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := noteSeen(tx.Stmt(s.write.seen), seen); err != nil {
		return refusal(err)
	}
	return refusal(tx.Commit())
}

func noteSeen(insert *sql.Stmt, seen []room.Seen) error {
	for _, is := range seen {
		if _, err := insert.Exec(is.User.String(), formatStamp(is.At)); err != nil {
			return err
		}
	}
	return nil
}
