package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Pages are read together with the number of their room, in one statement, so
// in one snapshot. A room without such messages gives a row without a message.
var (
	selectLatest = newPageStatement(`SELECT q.n, r.last_seq, MESSAGE
	FROM unnest($1::uuid[]) WITH ORDINALITY AS q(id, n)
	JOIN chat_rooms r ON r.id = q.id
	LEFT JOIN LATERAL (SELECT * FROM chat_messages WHERE chat_room_id = r.id AND seq >= r.first_seq ORDER BY seq DESC LIMIT $2) m ON true JOINS
	ORDER BY q.n, m.seq DESC`)

	selectWalk, selectBareWalk, selectWalks = newWalkStatements()

	selectBefore = newPageStatement(`SELECT 1::bigint, r.last_seq, MESSAGE
	FROM chat_rooms r
	LEFT JOIN LATERAL (SELECT * FROM chat_messages WHERE chat_room_id = r.id AND seq < $2 AND seq >= r.first_seq ORDER BY seq DESC LIMIT $3) m ON true JOINS
	WHERE r.id = $1 ORDER BY m.seq DESC`)

	selectAfter = newPageStatement(`SELECT 1::bigint, r.last_seq, MESSAGE
	FROM chat_rooms r
	LEFT JOIN LATERAL (SELECT * FROM chat_messages WHERE chat_room_id = r.id AND seq > $2 AND seq >= r.first_seq ORDER BY seq LIMIT $3) m ON true JOINS
	WHERE r.id = $1 ORDER BY m.seq`)

	selectRepliesBefore = newRepliesStatement("<", "DESC")
	selectRepliesAfter  = newRepliesStatement(">", "ASC")

	selectPins = newPageStatement(`SELECT 1::bigint, r.last_seq, MESSAGE
	FROM chat_rooms r
	LEFT JOIN LATERAL (SELECT * FROM chat_messages WHERE chat_room_id = r.id AND seq >= r.first_seq AND pinned_at IS NOT NULL AND deleted_at IS NULL AND (pinned_at, id) < ($2, $3)
		ORDER BY pinned_at DESC, id DESC LIMIT $4) m ON true JOINS
	WHERE r.id = $1 ORDER BY m.pinned_at DESC, m.id DESC`)

	selectMessage = `SELECT ` + messageColumns + ` FROM chat_messages m` + messageJoins + ` WHERE m.id = $1 AND ` + inRoom("m")
)

// pageStatement selects an ordinal, last_seq and messages.
type pageStatement struct {
	whole string
	ids   string // the messages' ids in place of them
}

func newPageStatement(form string) pageStatement {
	return pageStatement{
		whole: strings.NewReplacer("MESSAGE", messageColumns, "JOINS", messageJoins).Replace(form),
		ids:   strings.NewReplacer("MESSAGE", "m.id", "JOINS", "").Replace(form),
	}
}

const (
	selectHead = `SELECT last_seq, pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean FROM chat_rooms WHERE id = $1`

	selectHeads = `SELECT q.n, r.last_seq, coalesce(m.id, e.id), coalesce(m.id, e.message_id)
	FROM unnest($1::uuid[]) WITH ORDINALITY AS q(id, n)
	JOIN chat_rooms r ON r.id = q.id
	LEFT JOIN chat_messages m ON m.chat_room_id = r.id AND m.seq = r.last_seq
	LEFT JOIN chat_events e ON e.chat_room_id = r.id AND e.seq = r.last_seq`
)

// again runs a read, and once more where its connection turned out to be cut, or its
// server not to be the primary any more. After a restart of the server all idle ones
// are cut, so they are let go first.
func (s *Store) again(ctx context.Context, from *pgxpool.Pool, read func() error) error {
	err := s.primary.current(read)
	if ctx.Err() == nil && sessionEnded(err) {
		from.Reset()
		err = s.primary.current(read)
	}
	return err
}

// stretches runs a statement. One room is read in steps.
func (s *Store) stretches(ctx context.Context, from *pgxpool.Pool, n int, limit room.Limit, statement pageStatement, args ...any) (out []persist.Stretch, err error) {
	if n != 1 {
		return s.wholeStretches(ctx, from, n, limit, statement, args...)
	}
	err = inSteps(limit, func(step room.Limit) (counted bool, err error) {
		if out, err = s.wholeStretches(ctx, from, 1, step, statement, args...); err != nil {
			return false, err
		}
		return out[0].Counted(), nil
	})
	return out, err
}

// wholeStretches runs a statement. One room is read in spite of rows that cannot be.
func (s *Store) wholeStretches(ctx context.Context, from *pgxpool.Pool, n int, limit room.Limit, statement pageStatement, args ...any) (out []persist.Stretch, err error) {
	args = append(args[:len(args):len(args)], limit.Messages+1)
	err = s.again(ctx, from, func() error {
		out, err = s.readStretches(ctx, from, n, limit, statement.whole, args...)
		return err
	})
	if n == 1 && rowFault(err) {
		out, err = s.mendedStretch(ctx, from, limit, statement.ids, args...)
	}
	return out, err
}

func (s *Store) readStretches(ctx context.Context, from *pgxpool.Pool, n int, limit room.Limit, sql string, args ...any) ([]persist.Stretch, error) {
	rows, err := from.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make([]persist.Stretch, n)
	for i := range out {
		out[i] = persist.NewStretch(limit)
	}
	var ordinal, seq int64
	scan := newMessageScan(s.odd, &ordinal, &seq)
	full := func() bool { return ordinal > 0 && out[ordinal-1].Full() }
	for !(n == 1 && full()) && rows.Next() {
		if full() { // this row may be of the same room: its ordinal tells
			if err := rows.Scan(scan.none...); err != nil {
				return nil, err
			}
			if full() {
				continue
			}
		}
		found, err := scan.scan(rows)
		if err != nil {
			return nil, err
		}
		at := &out[ordinal-1]
		at.Seq = seq
		if found {
			m := scan.message()
			at.Add(&m)
		}
	}
	return out, rows.Err()
}

// Latest implements room.Store.
func (s *Store) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, fault("latest", err)
	}
	defer done()
	read, err := s.stretches(ctx, s.readers, len(rooms), limit, selectLatest, ids(rooms))
	if err != nil {
		return nil, fault("latest", err)
	}
	pages := make([]room.Page, len(rooms))
	for i := range read {
		pages[i] = read[i].Newest()
	}
	return pages, nil
}

// Before implements room.Store.
func (s *Store) Before(ctx context.Context, id uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	return s.page(ctx, "before", (*persist.Stretch).Newest, limit, selectBefore, [16]byte(id), seq)
}

// After implements room.Store.
func (s *Store) After(ctx context.Context, id uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	return s.page(ctx, "after", (*persist.Stretch).Oldest, limit, selectAfter, [16]byte(id), seq)
}

func (s *Store) page(ctx context.Context, doing string, cut func(*persist.Stretch) room.Page, limit room.Limit,
	statement pageStatement, args ...any) (room.Page, error) {
	read, err := s.stretches(ctx, s.bulk, 1, limit, statement, args...)
	if err != nil {
		return room.Page{}, fault(doing, err)
	}
	return cut(&read[0]), nil
}

// newRepliesStatement selects what answers the message $2 of the room $1. The room is
// compared in a way that its index is of no use for.
func newRepliesStatement(beyond, order string) pageStatement {
	return newPageStatement(strings.NewReplacer("BEYOND", beyond, "ORDER", "ORDER BY m.seq "+order).Replace(
		`SELECT 1::bigint, r.last_seq, MESSAGE
	FROM chat_rooms r
	LEFT JOIN LATERAL (SELECT * FROM chat_messages m WHERE reply_to_id = $2 AND chat_room_id IS NOT DISTINCT FROM r.id AND seq BEYOND $3 AND seq >= r.first_seq ORDER LIMIT $4) m ON true JOINS
	WHERE r.id = $1 ORDER`))
}

// RepliesBefore implements room.Store.
func (s *Store) RepliesBefore(ctx context.Context, id, to uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	return s.page(ctx, "replies before", (*persist.Stretch).Newest, limit, selectRepliesBefore, [16]byte(id), [16]byte(to), seq)
}

// RepliesAfter implements room.Store.
func (s *Store) RepliesAfter(ctx context.Context, id, to uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	return s.page(ctx, "replies after", (*persist.Stretch).Oldest, limit, selectRepliesAfter, [16]byte(id), [16]byte(to), seq)
}

// Pins implements room.Store.
func (s *Store) Pins(ctx context.Context, id uuid.UUID, after room.PinCursor, limit room.Limit) (room.Page, error) {
	from := persist.PinsFrom(after)
	return s.page(ctx, "pins", (*persist.Stretch).Oldest, limit, selectPins, [16]byte(id), from.At, [16]byte(from.Message))
}

// Message implements room.Store.
func (s *Store) Message(ctx context.Context, id uuid.UUID) (protocol.Message, error) {
	return s.message(ctx, s.bulk, id)
}

func (s *Store) message(ctx context.Context, from *pgxpool.Pool, id uuid.UUID) (protocol.Message, error) {
	scan := newMessageScan(s.odd)
	err := s.again(ctx, from, func() error {
		return from.QueryRow(ctx, selectMessage, [16]byte(id)).Scan(scan.targets...)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return protocol.Message{}, room.ErrNoMessage
	case rowFault(err):
		return s.mendedMessage(ctx, from, id)
	case err != nil:
		return protocol.Message{}, fault("message", err)
	}
	return scan.message(), nil
}

// errCopy says that a server that takes no writes answered.
var errCopy = errors.New("the server is a standby or read-only")

// Head implements room.Store. It locks nothing, as a transaction that has a number
// would wait for synchronous standbys.
func (s *Store) Head(ctx context.Context, id uuid.UUID) (seq int64, exists bool, err error) {
	var isCopy bool
	err = s.primary.current(func() error {
		return s.writers.QueryRow(ctx, selectHead, [16]byte(id)).Scan(&seq, &isCopy)
	})
	if isCopy {
		err = errCopy
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fault("head", err)
	}
	return seq, true, nil
}

// Settled implements room.Store.
func (s *Store) Settled(ctx context.Context) error {
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return fault("settled", err)
	}
	defer conn.Release()
	if err := s.passBarrier(ctx, conn.Conn()); err != nil {
		return fault("settled", err)
	}
	return nil
}

// Heads implements room.Store.
func (s *Store) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, fault("heads", err)
	}
	defer done()
	heads := make([]room.Head, len(rooms))
	err = s.again(ctx, s.readers, func() error {
		rows, err := s.readers.Query(ctx, selectHeads, ids(rooms))
		if err != nil {
			return err
		}
		var ordinal, seq int64
		var row, message *[16]byte
		_, err = pgx.ForEachRow(rows, []any{&ordinal, &seq, &row, &message}, func() error {
			h := &heads[ordinal-1]
			h.Seq = seq
			if row != nil {
				h.Row = *row
			}
			if message != nil {
				h.Message = *message
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fault("heads", err)
	}
	return heads, nil
}
