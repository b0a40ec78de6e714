package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Access implements room.Store.
func (s *Store) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	answers, roomless, err := s.access(ctx, questions)
	if err != nil || len(roomless) == 0 {
		return answers, err
	}
	if err := s.makeRooms(ctx, roomless); err != nil {
		return nil, err
	}
	// Another call may have made one first: what counts is what is stored.
	answers, roomless, err = s.access(ctx, questions)
	if err == nil && len(roomless) > 0 {
		err = unreachable(fmt.Errorf("the room of trip %s cannot be made", roomless[0]))
	}
	return answers, err
}

// access answers the questions, and tells which trips of those answers have no
// room.
func (s *Store) access(ctx context.Context, questions []room.AccessQuestion) (answers []room.Access, roomless []uuid.UUID, err error) {
	answers = make([]room.Access, len(questions))
	err = s.read.snapshot(ctx, func(tx *sql.Tx) error {
		access := tx.StmtContext(ctx, s.read.access)
		for i, q := range questions {
			a := &answers[i]
			if err := scanAccess(access.QueryRowContext(ctx, q.User.String(), q.Place.String(), q.TripOnly), q.User, a); err != nil {
				return err
			}
			if a.Allowed && a.Room.ID == uuid.Nil {
				roomless = append(roomless, a.Room.TripID)
			}
		}
		return nil
	})
	return answers, roomless, err
}

// scanAccess reads a row of the statement access; no row is an unknown user.
func scanAccess(row *sql.Row, user uuid.UUID, a *room.Access) error {
	var (
		trip, id    uuid.NullUUID
		title, role sql.NullString
		seq         sql.NullInt64
		settings    protocol.RoomSettings
		active      bool
	)
	known, err := scanRow(row, &active, &a.User.Email, &a.User.Username, &a.User.FirstName, &a.User.LastName, &trip, &title, &id, &seq, &settings.FirstSeq, &settings.SlowMode, &role, &a.ReadSeq)
	if err != nil || !known {
		return err
	}
	if !active {
		*a = room.Access{Inactive: true}
		return nil
	}
	a.UserKnown, a.User.ID, a.Allowed = true, user, trip.Valid
	if role.Valid {
		a.Role = persist.Role(&role.String)
	}
	a.Room = room.Info{ID: id.UUID, TripID: trip.UUID, Title: title.String, Seq: seq.Int64, RoomSettings: settings}
	return nil
}

// makeRooms makes the rooms of trips that have none.
func (s *Store) makeRooms(ctx context.Context, trips []uuid.UUID) error {
	err := writeAll(ctx, s.writer, func(tx *sql.Tx) error {
		now := formatStamp(time.Now())
		for _, trip := range trips {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			if _, err := tx.Stmt(s.write.makeRoom).Exec(id.String(), trip.String(), now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return unreachable(err)
	}
	return nil
}

// writeAll runs write in a transaction.
func writeAll(ctx context.Context, writer *sql.DB, write func(tx *sql.Tx) error) error {
	tx, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // for a panic: after the ends below it does nothing
	if err := write(tx); err != nil {
		return rollBack(tx, err)
	}
	return tx.Commit()
}

// Rooms implements room.Store.
func (s *Store) Rooms(ctx context.Context, user, after uuid.UUID, limit room.Limit) (page room.RoomPage, err error) {
	roomless, err := s.roomless(ctx, user)
	if err != nil {
		return page, unreachable(err)
	}
	if len(roomless) > 0 {
		if err := s.makeRooms(ctx, roomless); err != nil {
			return page, err
		}
	}
	err = s.bulk.snapshot(ctx, func(tx *sql.Tx) error {
		rooms, err := s.queryRooms(ctx, tx.StmtContext(ctx, s.bulk.rooms), user, after, limit.Messages+1)
		if err != nil {
			return err
		}
		latest := tx.StmtContext(ctx, s.bulk.latest)
		budget := persist.NewBudget(limit)
		for _, r := range rooms {
			newest := persist.NewStretch(room.Limit{Messages: 1})
			if err := s.queryMessages(ctx, latest, &newest, r.ID.String(), 1); err != nil {
				return err
			}
			if last := newest.Oldest().Messages; len(last) > 0 {
				r.Last = &last[0]
			}
			if r.Reading, err = s.bulk.readingIn(ctx, tx, r.ID, user); err != nil {
				return err
			}
			if budget.AddRoom(&page, &r); budget.More {
				break
			}
		}
		return nil
	})
	return page, err
}

func (s *Store) queryRooms(ctx context.Context, statement *sql.Stmt, user, after uuid.UUID, limit int) ([]room.Summary, error) {
	rows, err := statement.QueryContext(ctx, user.String(), after.String(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var summaries []room.Summary
	for rows.Next() {
		var r room.Summary
		var role sql.NullString
		err := rows.Scan(&r.ID, &r.TripID, &r.Title, &r.Seq, &r.FirstSeq, &r.SlowMode, &role)
		switch {
		case scanFault(err):
			s.odd.Tell("chat_rooms", firstOf(rows), err)
			continue
		case err != nil:
			return nil, err
		}
		if role.Valid {
			r.Role = persist.Role(&role.String)
		}
		summaries = append(summaries, r)
	}
	return summaries, rows.Err()
}

// roomless returns the user's trips that have no room yet.
func (s *Store) roomless(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.bulk.roomless.QueryContext(ctx, user.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var trips []uuid.UUID
	for rows.Next() {
		var trip uuid.UUID
		err := rows.Scan(&trip)
		switch {
		case scanFault(err):
			s.odd.Tell("trips", firstOf(rows), err)
			continue
		case err != nil:
			return nil, err
		}
		trips = append(trips, trip)
	}
	return trips, rows.Err()
}
