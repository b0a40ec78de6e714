package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Rows that cannot be read as a whole are read value by value: text that is no
// text in this encoding, a damaged page, a value that no message can hold. What
// cannot be read stays empty, and the log names the row.

// mendAtOnce is how many messages are read together: no more are held than an answer
// takes, and so many.
const mendAtOnce = 50

var selectExcerpt = `SELECT ` + quoted("m") + `, m.deleted_at IS NOT NULL FROM chat_messages m WHERE m.id = $1`

const (
	selectSender = `SELECT coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, '')
	FROM users u WHERE u.id = $1`

	selectOriginalSender = `SELECT sender_id FROM chat_messages WHERE id = $1`

	selectBareRooms = `SELECT DISTINCT r.id, r.trip_id, r.last_seq, r.first_seq, r.slow_mode FROM collaborators c JOIN chat_rooms r ON r.trip_id = c.trip_id JOIN trips t ON t.id = r.trip_id
	WHERE c.user_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3`

	selectLastID = `SELECT id FROM chat_messages WHERE chat_room_id = $1 AND seq >= (SELECT first_seq FROM chat_rooms WHERE id = $1) ORDER BY seq DESC LIMIT 1`

	selectTitle = `SELECT coalesce(title::text, '') FROM trips WHERE id = $1`

	selectEmail = `SELECT coalesce(email::text, '') FROM users WHERE id = $1`
)

var selectOriginalID = `SELECT o.id FROM chat_messages m JOIN chat_messages o ON o.id = m.reply_to_id AND ` + inRoom("o") + ` WHERE m.id = $1`

var selectRole = `SELECT c.role FROM ` + membershipOf(theirRole, "$1", "$2")

// inSnapshot runs look in a transaction that sees the database as of one moment.
func (s *Store) inSnapshot(ctx context.Context, from *pgxpool.Pool, look func(pgx.Tx) error) error {
	return s.primary.current(func() error {
		return pgx.BeginTxFunc(ctx, from, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, look)
	})
}

// mendedStretch reads one room with a statement that selects ids of messages.
func (s *Store) mendedStretch(ctx context.Context, from *pgxpool.Pool, limit room.Limit, sql string, args ...any) ([]persist.Stretch, error) {
	at := persist.NewStretch(limit)
	err := s.inSnapshot(ctx, from, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var ordinal int64
		var id *[16]byte
		var all []uuid.UUID
		if _, err := pgx.ForEachRow(rows, []any{&ordinal, &at.Seq, &id}, func() error {
			if id != nil {
				all = append(all, *id)
			}
			return nil
		}); err != nil {
			return err
		}
		for part := range slices.Chunk(all, mendAtOnce) {
			messages, err := s.mendedAll(ctx, tx, part)
			if err != nil {
				return err
			}
			for i := 0; i < len(messages) && !at.Full(); i++ {
				at.Add(&messages[i])
			}
			if at.Full() {
				break
			}
		}
		return nil
	})
	return []persist.Stretch{at}, err
}

// mendedAll reads messages, in the order of their ids: together where that can be
// done, and otherwise in halves, so that few are read alone.
func (s *Store) mendedAll(ctx context.Context, tx pgx.Tx, all []uuid.UUID) ([]protocol.Message, error) {
	if len(all) == 1 {
		m, err := s.mended(ctx, tx, all[0])
		return []protocol.Message{m}, err
	}
	read := make(map[uuid.UUID]*protocol.Message, len(all))
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, findMessages, ids(all))
		if err != nil {
			return err
		}
		return eachMessage(s.odd, rows, func(m *protocol.Message) { read[m.ID] = m })
	})
	if rowFault(err) {
		first, err := s.mendedAll(ctx, tx, all[:len(all)/2])
		if err != nil {
			return nil, err
		}
		second, err := s.mendedAll(ctx, tx, all[len(all)/2:])
		return append(first, second...), err
	}
	messages := make([]protocol.Message, 0, len(all))
	for _, id := range all {
		if m := read[id]; m != nil {
			messages = append(messages, *m)
		}
	}
	return messages, err
}

// mendedMessage is Message for one that cannot be read as a whole.
func (s *Store) mendedMessage(ctx context.Context, from *pgxpool.Pool, id uuid.UUID) (m protocol.Message, err error) {
	err = s.inSnapshot(ctx, from, func(tx pgx.Tx) error {
		m, err = s.mended(ctx, tx, id)
		return err
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return protocol.Message{}, room.ErrNoMessage
	case err != nil:
		return protocol.Message{}, fault("message", err)
	}
	return m, nil
}

// mended reads a message as a whole where that can be done, and otherwise value by value.
func (s *Store) mended(ctx context.Context, tx pgx.Tx, id uuid.UUID) (protocol.Message, error) {
	scan := newMessageScan(s.odd)
	err := inSavepoint(ctx, tx, selectMessage, id, scan.targets...)
	if !rowFault(err) {
		return scan.message(), err
	}
	r := rowReader{s: s, tx: tx}
	row := &scanned{Message: protocol.Message{ID: id}}
	for _, c := range readTable {
		r.read(ctx, "chat_messages", "SELECT "+c.selected+" FROM chat_messages m WHERE m.id = $1", id, c.target(row))
	}
	m := row.message(s.odd)
	sender := &m.Sender
	r.read(ctx, "users", selectSender, sender.ID, &sender.Email, &sender.Username, &sender.FirstName, &sender.LastName)
	var original, originalSender *[16]byte
	r.read(ctx, "chat_messages", selectOriginalID, id, &original)
	if original != nil {
		reply := protocol.Reply{ID: *original}
		r.read(ctx, "chat_messages", selectExcerpt, *original, &reply.Content, &reply.Deleted)
		m.ReplyTo = persist.NewReply(reply)
		r.read(ctx, "chat_messages", selectOriginalSender, *original, &originalSender)
	}
	if originalSender != nil {
		r.read(ctx, "users", selectEmail, *originalSender, &m.ReplyTo.SenderEmail)
	}
	return m, r.err
}

// mendAccess adds to a bare answer the texts that can be read.
func (s *Store) mendAccess(ctx context.Context, a *room.Access) error {
	return s.inSnapshot(ctx, s.readers, func(tx pgx.Tx) error {
		r := rowReader{s: s, tx: tx}
		u := &a.User
		r.read(ctx, "users", selectSender, u.ID, &u.Email, &u.Username, &u.FirstName, &u.LastName)
		r.read(ctx, "trips", selectTitle, a.Room.TripID, &a.Room.Title)
		return r.err
	})
}

// mendedRooms is askRooms without the trips that have no room, one room after the other.
func (s *Store) mendedRooms(ctx context.Context, user, after uuid.UUID, limit room.Limit) (page room.RoomPage, err error) {
	err = s.inSnapshot(ctx, s.bulk, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectBareRooms, [16]byte(user), [16]byte(after), limit.Messages+1)
		if err != nil {
			return err
		}
		var info room.Info
		var summaries []room.Summary
		if _, err := pgx.ForEachRow(rows, []any{(*[16]byte)(&info.ID), (*[16]byte)(&info.TripID), &info.Seq, &info.FirstSeq, &info.SlowMode}, func() error {
			summaries = append(summaries, room.Summary{Info: info})
			return nil
		}); err != nil {
			return err
		}
		r := rowReader{s: s, tx: tx}
		budget := persist.NewBudget(limit)
		for i := 0; i < len(summaries) && !budget.More; i++ {
			at := &summaries[i]
			r.read(ctx, "trips", selectTitle, at.TripID, &at.Title)
			at.Role = r.role(ctx, at.TripID, user)
			var last *[16]byte
			r.read(ctx, "chat_messages", selectLastID, at.ID, &last)
			if r.err != nil {
				return r.err
			}
			if at.Reading, err = readReading(ctx, tx, at.ID, user); err != nil {
				return err
			}
			if last != nil {
				m, err := s.mended(ctx, tx, *last)
				if err != nil {
					return err
				}
				at.Last = &m
			}
			budget.AddRoom(&page, at)
		}
		return nil
	})
	return page, err
}

// rowReader reads values one by one. After an error of the connection it does nothing more.
type rowReader struct {
	s   *Store
	tx  pgx.Tx
	err error
}

// read leaves the targets alone where the row of that id is not there or cannot be read.
func (r *rowReader) read(ctx context.Context, table, sql string, id uuid.UUID, targets ...any) {
	if r.err != nil {
		return
	}
	r.note(table, id, inSavepoint(ctx, r.tx, sql, id, targets...))
}

// note keeps the error of a read, unless it concerns the row alone.
func (r *rowReader) note(table string, id uuid.UUID, err error) {
	switch {
	case rowFault(err):
		r.s.odd.Tell(table, id.String(), err)
	case !errors.Is(err, pgx.ErrNoRows):
		r.err = err
	}
}

// role is a collaborator's; empty where it cannot be read.
func (r *rowReader) role(ctx context.Context, trip, user uuid.UUID) string {
	if r.err != nil {
		return ""
	}
	var role *string
	r.note("collaborators", user, pgx.BeginFunc(ctx, r.tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, selectRole, [16]byte(trip), [16]byte(user)).Scan(&role)
	}))
	return persist.Role(role)
}

// inSavepoint reads one row, and leaves the transaction as it was where that fails.
func inSavepoint(ctx context.Context, tx pgx.Tx, sql string, id uuid.UUID, targets ...any) error {
	return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sql, [16]byte(id)).Scan(targets...)
	})
}
