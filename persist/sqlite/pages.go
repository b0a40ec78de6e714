package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// snapshot runs look in a transaction that sees the database as of one moment.
func (s *Store) snapshot(ctx context.Context, look func(tx *sql.Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
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
func (s *Store) headIn(ctx context.Context, tx *sql.Tx, id uuid.UUID) (seq int64, err error) {
	_, err = scanRow(tx.StmtContext(ctx, s.read.head).QueryRowContext(ctx, id.String()), &seq)
	return seq, err
}

// page reads one room's number and, with a statement, messages of it.
func (s *Store) page(ctx context.Context, id uuid.UUID, limit int, statement *sql.Stmt, from int64,
	cut func([]protocol.Message, int, int64) room.Page) (p room.Page, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		seq, err := s.headIn(ctx, tx, id)
		if err != nil {
			return err
		}
		messages, err := s.queryMessages(ctx, tx.StmtContext(ctx, statement), id.String(), from, limit+1)
		p = cut(messages, limit, seq)
		return err
	})
	return p, err
}

// Walk implements room.Store.
func (s *Store) Walk(ctx context.Context, id uuid.UUID, after int64, limit int) (walk room.Walk, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		if walk.Seq, err = s.headIn(ctx, tx, id); err != nil {
			return err
		}
		walk.Entries, err = s.queryEntries(ctx, tx.StmtContext(ctx, s.read.walk), id.String(), after, limit+1)
		return err
	})
	if err != nil {
		return room.Walk{}, err
	}
	return persist.CutWalk(walk, limit), nil
}

// Before implements room.Store.
func (s *Store) Before(ctx context.Context, id uuid.UUID, seq int64, limit int) (room.Page, error) {
	return s.page(ctx, id, limit, s.read.before, seq, persist.NewestPage)
}

// After implements room.Store.
func (s *Store) After(ctx context.Context, id uuid.UUID, seq int64, limit int) (room.Page, error) {
	return s.page(ctx, id, limit, s.read.after, seq, persist.OldestPage)
}

// Latest implements room.Store.
func (s *Store) Latest(ctx context.Context, rooms []uuid.UUID, limit int) ([]room.Page, error) {
	pages := make([]room.Page, len(rooms))
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		latest := tx.StmtContext(ctx, s.read.latest)
		for i, id := range rooms {
			seq, err := s.headIn(ctx, tx, id)
			if err != nil {
				return err
			}
			messages, err := s.queryMessages(ctx, latest, id.String(), limit+1)
			if err != nil {
				return err
			}
			pages[i] = persist.NewestPage(messages, limit, seq)
		}
		return nil
	})
	return pages, err
}

// Head implements room.Store.
func (s *Store) Head(ctx context.Context, id uuid.UUID) (seq int64, exists bool, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		exists, err = scanRow(tx.StmtContext(ctx, s.read.head).QueryRowContext(ctx, id.String()), &seq)
		return err
	})
	return seq, exists, err
}

// Heads implements room.Store.
func (s *Store) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	heads := make([]room.Head, len(rooms))
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
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

// Message implements room.Store.
func (s *Store) Message(ctx context.Context, id uuid.UUID) (protocol.Message, error) {
	messages, err := s.queryMessages(ctx, s.read.message, id.String())
	switch {
	case err != nil:
		return protocol.Message{}, unreachable(err)
	case len(messages) == 0:
		return protocol.Message{}, room.ErrNoMessage
	}
	return messages[0], nil
}

// Settled implements room.Store: nobody sees what is not on the disk.
func (s *Store) Settled(context.Context) error { return nil }
