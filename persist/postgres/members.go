package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

var selectMembers = `SELECT u.id, coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, ''), c.role, s.last_seen
	FROM chat_rooms r
	CROSS JOIN LATERAL (SELECT u.* FROM
		(SELECT DISTINCT x.user_id FROM
			(SELECT user_id FROM collaborators c WHERE c.trip_id = r.trip_id AND c.user_id > $2 ORDER BY user_id) x) q
		CROSS JOIN LATERAL ` + theUser + ` u WHERE u.active ORDER BY q.user_id LIMIT $3) u
	CROSS JOIN LATERAL ` + membershipOf(theirRole, "r.trip_id", "u.id") + `
	LEFT JOIN chat_seen s ON s.user_id = u.id
	WHERE r.id = $1 ORDER BY u.id`

const insertSeen = `INSERT INTO chat_seen (user_id, last_seen) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
	ON CONFLICT (user_id) DO UPDATE SET last_seen = excluded.last_seen WHERE chat_seen.last_seen < excluded.last_seen`

// Members implements room.Store.
func (s *Store) Members(ctx context.Context, q room.MembersQuery) (p room.MemberPage, err error) {
	err = s.again(ctx, s.bulk, func() error {
		p = room.MemberPage{}
		rows, err := s.bulk.Query(ctx, selectMembers, [16]byte(q.Room), [16]byte(q.After), q.Limit+1)
		if err != nil {
			return err
		}
		var m room.Member
		var role *string
		var seen *time.Time
		u := &m.User
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&u.ID), &u.Email, &u.Username, &u.FirstName, &u.LastName, &role, &seen}, func() error {
			if m.Role, m.LastSeen = persist.Role(role), (time.Time{}); seen != nil {
				m.LastSeen = seen.UTC()
			}
			p.Members = append(p.Members, m)
			return nil
		})
		return err
	})
	if err != nil {
		return room.MemberPage{}, fault("members", err)
	}
	return persist.CutMembers(p, q.Limit), nil
}

// NoteSeen implements room.Store.
func (s *Store) NoteSeen(ctx context.Context, seen []room.Seen) error {
	users, times := make([]uuid.UUID, len(seen)), make([]time.Time, len(seen))
	for i := range seen {
		users[i], times[i] = seen[i].User, seen[i].At
	}
	err := s.again(ctx, s.readers, func() error {
		_, err := s.readers.Exec(ctx, insertSeen, ids(users), times)
		return err
	})
	if err != nil {
		return fault("note who was seen", err)
	}
	return nil
}
