package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// snapshot runs look in a transaction that sees the database as of one moment.
func (r *reading) snapshot(ctx context.Context, look func(tx *sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return unreachable(err)
	}
	defer func() { _ = tx.Rollback() }() // for a panic: after the one below it does nothing
	if err := errors.Join(look(tx), tx.Rollback()); err != nil {
		return unreachable(err)
	}
	return nil
}

// headIn returns a room's number, zero for a room that does not exist.
func (r *reading) headIn(ctx context.Context, tx *sql.Tx, id uuid.UUID) (seq int64, err error) {
	_, err = scanRow(tx.StmtContext(ctx, r.head).QueryRowContext(ctx, id.String()), &seq)
	return seq, err
}

// page reads one room's number and, with a statement, messages of it.
func (s *Store) page(ctx context.Context, id uuid.UUID, limit room.Limit, statement *sql.Stmt, from ...any) (*persist.Stretch, error) {
	at := persist.NewStretch(limit)
	err := s.bulk.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if at.Seq, err = s.bulk.headIn(ctx, tx, id); err != nil {
			return err
		}
		return s.queryMessages(ctx, tx.StmtContext(ctx, statement), &at, slices.Concat([]any{id.String()}, from, []any{limit.Messages + 1})...)
	})
	return &at, err
}

// Walk implements room.Store.
func (s *Store) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	from := &s.read
	if q.Bulk {
		from = &s.bulk
	} else {
		done, err := s.shares.Missed(ctx)
		if err != nil {
			return room.Walk{}, unreachable(err)
		}
		defer done()
	}
	log := persist.NewLog(q)
	err := from.snapshot(ctx, func(tx *sql.Tx) error {
		seq, err := from.headIn(ctx, tx, q.Room)
		if err != nil {
			return err
		}
		log.SetSeq(seq)
		return s.queryEntries(ctx, tx.StmtContext(ctx, from.walk), log, q.Room.String(), log.From(), log.Rows())
	})
	if err != nil {
		return room.Walk{}, err
	}
	return log.Walk(), nil
}

// Walks implements room.Store: the file is no round trip away.
func (s *Store) Walks(ctx context.Context, queries []room.WalkQuery) ([]room.Walk, error) {
	walks := make([]room.Walk, len(queries))
	for i, q := range queries {
		var err error
		if walks[i], err = s.Walk(ctx, q); err != nil {
			return nil, err
		}
	}
	return walks, nil
}

// Before implements room.Store.
func (s *Store) Before(ctx context.Context, id uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	at, err := s.page(ctx, id, limit, s.bulk.before, seq)
	return at.Newest(), err
}

// After implements room.Store.
func (s *Store) After(ctx context.Context, id uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	at, err := s.page(ctx, id, limit, s.bulk.after, seq)
	return at.Oldest(), err
}

// RepliesBefore implements room.Store.
func (s *Store) RepliesBefore(ctx context.Context, id, to uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	at, err := s.page(ctx, id, limit, s.bulk.repliesBefore, to.String(), seq)
	return at.Newest(), err
}

// RepliesAfter implements room.Store.
func (s *Store) RepliesAfter(ctx context.Context, id, to uuid.UUID, seq int64, limit room.Limit) (room.Page, error) {
	at, err := s.page(ctx, id, limit, s.bulk.repliesAfter, to.String(), seq)
	return at.Oldest(), err
}

// Pins implements room.Store.
func (s *Store) Pins(ctx context.Context, id uuid.UUID, after room.PinCursor, limit room.Limit) (room.Page, error) {
	from := persist.PinsFrom(after)
	at, err := s.page(ctx, id, limit, s.bulk.pins, formatStamp(from.At), from.Message.String())
	return at.Oldest(), err
}

// Latest implements room.Store.
func (s *Store) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	pages := make([]room.Page, len(rooms))
	err = s.read.snapshot(ctx, func(tx *sql.Tx) error {
		latest := tx.StmtContext(ctx, s.read.latest)
		for i, id := range rooms {
			at := persist.NewStretch(limit)
			var err error
			if at.Seq, err = s.read.headIn(ctx, tx, id); err != nil {
				return err
			}
			if err := s.queryMessages(ctx, latest, &at, id.String(), limit.Messages+1); err != nil {
				return err
			}
			pages[i] = at.Newest()
		}
		return nil
	})
	return pages, err
}

// Head implements room.Store.
func (s *Store) Head(ctx context.Context, id uuid.UUID) (seq int64, exists bool, err error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return 0, false, unreachable(err)
	}
	defer done()
	err = s.read.snapshot(ctx, func(tx *sql.Tx) error {
		exists, err = scanRow(tx.StmtContext(ctx, s.read.head).QueryRowContext(ctx, id.String()), &seq)
		return err
	})
	return seq, exists, err
}

// Heads implements room.Store.
func (s *Store) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	heads := make([]room.Head, len(rooms))
	err = s.read.snapshot(ctx, func(tx *sql.Tx) error {
		end := tx.StmtContext(ctx, s.read.end)
		for i, id := range rooms {
			h := &heads[i]
			if _, err := scanRow(end.QueryRowContext(ctx, id.String()), &h.Seq, &h.Row, &h.Message); err != nil {
				return err
			}
		}
		return nil
	})
	return heads, err
}

// NumbersSince implements room.Store: one node has the file, and its rooms are compared all.
func (s *Store) NumbersSince(context.Context, room.Moment) (room.Numbers, error) {
	return room.Numbers{All: true}, nil
}

// RightsSince implements room.Store: one node has the file, and looks at all members.
func (s *Store) RightsSince(context.Context, room.Moment) (room.Rights, error) {
	return room.Rights{All: true}, nil
}

// Message implements room.Store.
func (s *Store) Message(ctx context.Context, id uuid.UUID) (protocol.Message, error) {
	return s.message(ctx, &s.bulk, id)
}

func (s *Store) message(ctx context.Context, from *reading, id uuid.UUID) (protocol.Message, error) {
	one := persist.NewStretch(room.Limit{Messages: 1})
	if err := s.queryMessages(ctx, from.message, &one, id.String()); err != nil {
		return protocol.Message{}, unreachable(err)
	}
	messages := one.Oldest().Messages
	if len(messages) == 0 {
		return protocol.Message{}, room.ErrNoMessage
	}
	return messages[0], nil
}

// Settled implements room.Store: nobody sees what is not on the disk.
func (s *Store) Settled(context.Context) error { return nil }

// Timeline implements room.Store: a file has none.
func (s *Store) Timeline() room.Timeline { return 0 }

// Beyond implements room.Store.
func (s *Store) Beyond(room.Timeline) <-chan struct{} { return nil }

// TakeOvers returns how often another server took over, which there is none of.
func (s *Store) TakeOvers() int64 { return 0 }

// Heard implements room.Store.
func (s *Store) Heard(room.Timeline) {}
