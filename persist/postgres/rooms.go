package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// An adopted collaborators table may name somebody twice: each room is still one.
const selectRoomless = `SELECT DISTINCT t.id FROM collaborators c JOIN trips t ON t.id = c.trip_id
	WHERE c.user_id = $1 AND NOT EXISTS (SELECT FROM chat_rooms r WHERE r.trip_id = c.trip_id)`

var selectRooms = func() string {
	columns, joins := readingOf("$4::bigint")
	return `SELECT r.id, r.trip_id, coalesce(t.title::text, ''), r.last_seq, r.first_seq, r.slow_mode, c.role, ` + columns + `, ` + messageColumns + `
	FROM (SELECT DISTINCT r.id, r.trip_id, r.last_seq, r.first_seq, r.slow_mode FROM collaborators c JOIN chat_rooms r ON r.trip_id = c.trip_id
		WHERE c.user_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3) r
	JOIN trips t ON t.id = r.trip_id
	CROSS JOIN LATERAL ` + membershipOf(theirRole, "r.trip_id", "$1") + `
	LEFT JOIN LATERAL (SELECT * FROM chat_messages WHERE chat_room_id = r.id AND seq >= r.first_seq ORDER BY seq DESC LIMIT 1) m ON true` +
		messageJoins + joins + ` ORDER BY r.id`
}()

// Rooms implements room.Store.
func (s *Store) Rooms(ctx context.Context, user uuid.UUID, after uuid.UUID, limit room.Limit) (page room.RoomPage, err error) {
	err = s.again(ctx, s.bulk, func() (err error) {
		var roomless []uuid.UUID
		page, roomless, err = s.askRooms(ctx, user, after, limit)
		if err != nil || len(roomless) == 0 {
			return err
		}
		if err = s.makeRooms(ctx, roomless); err == nil {
			page, _, err = s.askRooms(ctx, user, after, limit)
		}
		return err
	})
	if rowFault(err) {
		page, err = s.mendedRooms(ctx, user, after, limit)
	}
	if err != nil {
		return room.RoomPage{}, fault("rooms", err)
	}
	return page, nil
}

// askRooms asks once, also for the trips that have no room yet.
func (s *Store) askRooms(ctx context.Context, user, after uuid.UUID, limit room.Limit) (page room.RoomPage, roomless []uuid.UUID, err error) {
	var batch pgx.Batch
	batch.Queue(selectRoomless, [16]byte(user)).Query(func(rows pgx.Rows) error {
		var trip [16]byte
		_, err := pgx.ForEachRow(rows, []any{&trip}, func() error {
			roomless = append(roomless, trip)
			return nil
		})
		return err
	})
	batch.Queue(selectRooms, [16]byte(user), [16]byte(after), limit.Messages+1, int64(protocol.UnreadLookedMax)).Query(func(rows pgx.Rows) error {
		page, err = s.scanRooms(rows, limit)
		return err
	})
	conn, err := s.bulk.Acquire(ctx)
	if err != nil {
		return page, nil, err
	}
	defer conn.Release() // also where the functions above panic
	err = conn.SendBatch(ctx, &batch).Close()
	return page, roomless, err
}

func (s *Store) scanRooms(rows pgx.Rows, limit room.Limit) (page room.RoomPage, err error) {
	budget := persist.NewBudget(limit)
	var info room.Info
	var role *string
	var reading readingScan
	scan := newMessageScan(s.odd, append([]any{(*[16]byte)(&info.ID), (*[16]byte)(&info.TripID), &info.Title, &info.Seq, &info.FirstSeq, &info.SlowMode, &role}, reading.targets()...)...)
	for !budget.More && rows.Next() {
		found, err := scan.scan(rows)
		if err != nil {
			return page, err
		}
		summary := room.Summary{Info: info, Role: persist.Role(role), Reading: reading.reading()}
		if found {
			m := scan.message()
			summary.Last = &m
		}
		budget.AddRoom(&page, &summary)
	}
	return page, rows.Err()
}
