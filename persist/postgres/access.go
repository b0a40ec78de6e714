package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

var (
	// selectAccess answers every question with one row.
	selectAccess = accessStatement(theirRole, `coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, '')`,
		`coalesce(t.title::text, '')`)

	// selectBareAccess leaves out what people have written, and selectRolelessAccess the
	// role, too.
	selectBareAccess     = accessStatement(theirRole, `'', '', '', ''`, `''`)
	selectRolelessAccess = accessStatement(`NULL::text`, `'', '', '', ''`, `''`)
)

// theirRole is of what table may have a column role, or not.
var theirRole = fmt.Sprintf(`left(role::text, %d)`, protocol.RoleRunesMax+1)

// accessStatement makes the statement. The name role means a column of collaborators, or,
// where that has none, the NULL around it. Of somebody who is there twice the role counts
// that comes first. OFFSET keeps a question about a trip alone from being looked for among the rooms.
func accessStatement(role, texts, title string) string {
	return `SELECT q.n, u.id, u.active, ` + texts + `,
		c.is, c.role, t.id, ` + title + `, r.id, coalesce(r.last_seq, 0), coalesce(r.first_seq, 1), coalesce(r.slow_mode, 0),
		least(coalesce((SELECT d.read_seq FROM chat_reads d WHERE d.chat_room_id = r.id AND d.user_id = q.user_id), 0), coalesce(r.last_seq, 0))
	FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) WITH ORDINALITY AS q(user_id, place, trip_only, n)
	LEFT JOIN LATERAL ` + theUser + ` u ON true
	LEFT JOIN LATERAL (SELECT x.trip_id FROM chat_rooms x WHERE x.id = q.place AND NOT q.trip_only OFFSET 0) p ON true
	LEFT JOIN trips t ON t.id = coalesce(p.trip_id, q.place)
	LEFT JOIN chat_rooms r ON r.trip_id = t.id
	CROSS JOIN LATERAL ` + membershipOf(role, "t.id", "q.user_id")
}

// theUser selects the user and whether they are active. The name is_active means a column of
// users, or, where that has none, the true around it. NULL is false, as elsewhere.
const theUser = `(SELECT x.* FROM (SELECT true AS is_active) n CROSS JOIN LATERAL
	(SELECT v.id, v.email, v.username, v.first_name, v.last_name, coalesce(is_active::text, 'false') NOT IN ('false', '0') AS active
		FROM users v WHERE v.id = q.user_id) x)`

// membershipOf selects whether a user is a collaborator of a trip, and in which role.
func membershipOf(role, trip, user string) string {
	return `(SELECT m.* FROM (SELECT NULL::text AS role) n CROSS JOIN LATERAL
		(SELECT count(*) > 0 AS is, min(x.role COLLATE "C") AS role FROM
			(SELECT ` + role + ` AS role FROM collaborators c WHERE c.trip_id = ` + trip + ` AND c.user_id = ` + user + `) x) m) c`
}

// insertRooms leaves alone the rooms that another node makes at this moment.
const insertRooms = `INSERT INTO chat_rooms (id, trip_id, created_at, last_seq)
	SELECT gen_random_uuid(), id, now(), 0 FROM unnest($1::uuid[]) AS t(id) ON CONFLICT DO NOTHING`

// Access implements room.Store.
func (s *Store) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	answers, err := s.accessBy(ctx, selectAccess, questions)
	if len(questions) == 1 && rowFault(err) {
		answers, err = s.accessBy(ctx, selectBareAccess, questions)
		if rowFault(err) {
			s.odd.Tell("collaborators", questions[0].User.String(), err)
			answers, err = s.accessBy(ctx, selectRolelessAccess, questions)
		}
		if err == nil {
			err = s.mendAccess(ctx, &answers[0])
		}
	}
	if err != nil {
		return nil, fault("access", err)
	}
	return answers, nil
}

func (s *Store) accessBy(ctx context.Context, sql string, questions []room.AccessQuestion) (answers []room.Access, err error) {
	err = s.again(ctx, s.readers, func() (err error) {
		var roomless []uuid.UUID
		answers, roomless, err = s.askAccess(ctx, sql, questions)
		if err != nil || len(roomless) == 0 {
			return err
		}
		if err = s.makeRooms(ctx, roomless); err == nil {
			answers, _, err = s.askAccess(ctx, sql, questions)
		}
		return err
	})
	return answers, err
}

// askAccess asks once. roomless are the trips that somebody may enter and that
// have no room yet.
func (s *Store) askAccess(ctx context.Context, sql string, questions []room.AccessQuestion) (answers []room.Access, roomless []uuid.UUID, err error) {
	users, places, tripOnly := make([][16]byte, len(questions)), make([][16]byte, len(questions)), make([]bool, len(questions))
	for i, q := range questions {
		users[i], places[i], tripOnly[i] = q.User, q.Place, q.TripOnly
	}
	rows, err := s.readers.Query(ctx, sql, users, places, tripOnly)
	if err != nil {
		return nil, nil, err
	}
	answers = make([]room.Access, len(questions))
	var (
		n                  int64
		userID, trip, room *[16]byte
		active             *bool
		user               protocol.User
		allowed            bool
		role               *string
		title              string
		seq, first, read   int64
		slow               int
	)
	targets := []any{&n, &userID, &active, &user.Email, &user.Username, &user.FirstName, &user.LastName, &allowed, &role, &trip, &title, &room, &seq, &first, &slow, &read}
	_, err = pgx.ForEachRow(rows, targets, func() error {
		a := &answers[n-1]
		if userID == nil {
			return nil
		}
		if !*active {
			a.Inactive = true
			return nil
		}
		a.UserKnown, a.User = true, user
		a.User.ID = *userID
		switch {
		case !allowed:
		case room == nil:
			roomless = append(roomless, *trip)
		default:
			a.Allowed, a.Role, a.ReadSeq = true, persist.Role(role), read
			a.Room.ID, a.Room.TripID, a.Room.Title, a.Room.Seq = *room, *trip, title, seq
			a.Room.FirstSeq, a.Room.SlowMode = first, slow
		}
		return nil
	})
	return answers, roomless, err
}

func (s *Store) makeRooms(ctx context.Context, trips []uuid.UUID) error {
	_, err := s.readers.Exec(ctx, insertRooms, ids(trips))
	return err
}
