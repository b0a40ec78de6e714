package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// newWalkStatements make the statement that selects last_seq and the entries of a
// room's log, one that has only the ids of their messages, and one for several rooms.
func newWalkStatements() (whole, bare, several string) {
	one := func(columns, joins string) string {
		return `SELECT r.last_seq, l.* FROM chat_rooms r
	LEFT JOIN LATERAL (` + logAfter(columns, joins, "$2", "$3") + `) l ON true
	WHERE r.id = $1 ORDER BY l.at`
	}
	return one(messageColumns, messageJoins), one("m.id", ""), `SELECT q.n, r.last_seq, l.*
	FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS q(id, after, most, n)
	JOIN chat_rooms r ON r.id = q.id
	LEFT JOIN LATERAL (` + logAfter(messageColumns, messageJoins, "q.after", "q.most") + `) l ON true
	ORDER BY q.n, l.at`
}

// logAfter selects the first entries of the log of a room r after a number, and columns of their messages.
//
// It merges two stretches by number, of messages and of changes. That the
// merge ends with the limit takes an order in both, equal types of their columns, and
// the joins within them.
func logAfter(columns, joins, after, most string) string {
	return `
		(SELECT m.seq AS at, 1::smallint AS kind, m.id AS event, ` + columns + ` FROM chat_messages m` + joins + `
			WHERE m.chat_room_id = r.id AND m.seq > ` + after + ` AND m.seq >= r.first_seq ORDER BY m.seq)
		UNION ALL
		(SELECT e.seq, e.kind, e.id, ` + columns + ` FROM chat_events e LEFT JOIN chat_messages m ON m.id = e.message_id AND m.seq >= r.first_seq` + joins + `
			WHERE e.chat_room_id = r.id AND e.seq > ` + after + ` ORDER BY e.seq)
		ORDER BY at LIMIT ` + most
}

// walkers returns the connections that walks use, and what ends their use.
func (s *Store) walkers(ctx context.Context, bulk bool) (from *pgxpool.Pool, done func(), err error) {
	if bulk {
		return s.bulk, func() {}, nil
	}
	done, err = s.shares.Missed(ctx)
	return s.readers, done, err
}

// Walk implements room.Store.
func (s *Store) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	from, done, err := s.walkers(ctx, q.Bulk)
	if err != nil {
		return room.Walk{}, fault("walk", err)
	}
	defer done()
	var log *persist.Log
	err = inSteps(q.Limit, func(step room.Limit) (counted bool, err error) {
		q.Limit = step
		err = s.again(ctx, from, func() error {
			log, err = s.readWalk(ctx, from, q)
			return err
		})
		if rowFault(err) {
			log, err = s.mendedWalk(ctx, from, q)
		}
		return log.Counted(), err
	})
	if err != nil {
		return room.Walk{}, fault("walk", err)
	}
	return log.Walk(), nil
}

// Walks implements room.Store. It asks for all rows at once: who asks for many of several rooms had better
// ask for each alone.
func (s *Store) Walks(ctx context.Context, queries []room.WalkQuery) ([]room.Walk, error) {
	switch len(queries) {
	case 0:
		return nil, nil
	case 1: // in spite of rows that cannot be read
		w, err := s.Walk(ctx, queries[0])
		return []room.Walk{w}, err
	}
	from, done, err := s.walkers(ctx, queries[0].Bulk)
	if err != nil {
		return nil, fault("walks", err)
	}
	defer done()
	var logs []*persist.Log
	err = s.again(ctx, from, func() error {
		logs, err = s.readWalks(ctx, from, queries)
		return err
	})
	if err != nil {
		return nil, fault("walks", err)
	}
	walks := make([]room.Walk, len(logs))
	for i, log := range logs {
		walks[i] = log.Walk()
	}
	return walks, nil
}

func (s *Store) readWalks(ctx context.Context, from *pgxpool.Pool, queries []room.WalkQuery) ([]*persist.Log, error) {
	logs := make([]*persist.Log, len(queries))
	rooms, after, most := make([][16]byte, len(queries)), make([]int64, len(queries)), make([]int64, len(queries))
	for i, q := range queries {
		logs[i] = persist.NewLog(q)
		rooms[i], after[i], most[i] = q.Room, logs[i].From(), int64(logs[i].Rows())
	}
	rows, err := from.Query(ctx, selectWalks, rooms, after, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ordinal, seq int64
	var at entryScan
	scan := newMessageScan(s.odd, &ordinal, &seq, &at.seq, &at.kind, &at.event)
	full := func() bool { return ordinal > 0 && logs[ordinal-1].Full() }
	for rows.Next() {
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
		logs[ordinal-1].SetSeq(seq)
		if at.seq == nil {
			continue
		}
		e := at.entry()
		if found {
			m := scan.message()
			e.Message = &m
		}
		logs[ordinal-1].Add(e)
	}
	return logs, rows.Err()
}

// entryScan reads what stands before the message in the rows of a walk; all but the
// room's number is null where no number is greater.
type entryScan struct {
	seq, kind *int64
	event     *[16]byte
}

func (e *entryScan) entry() room.LogEntry {
	return room.LogEntry{Seq: *e.seq, Kind: protocol.Kind(*e.kind), Row: *e.event}
}

func (s *Store) readWalk(ctx context.Context, from *pgxpool.Pool, q room.WalkQuery) (*persist.Log, error) {
	log := persist.NewLog(q)
	rows, err := from.Query(ctx, selectWalk, [16]byte(q.Room), log.From(), log.Rows())
	if err != nil {
		return log, err
	}
	defer rows.Close()
	var seq int64
	var at entryScan
	scan := newMessageScan(s.odd, &seq, &at.seq, &at.kind, &at.event)
	for !log.Full() && rows.Next() {
		found, err := scan.scan(rows)
		if err != nil {
			return log, err
		}
		log.SetSeq(seq)
		if at.seq == nil {
			continue
		}
		e := at.entry()
		if found {
			m := scan.message()
			e.Message = &m
		}
		log.Add(e)
	}
	return log, rows.Err()
}

// mendedWalk reads the messages of a walk apart from it, in spite of rows that cannot
// be read as a whole.
func (s *Store) mendedWalk(ctx context.Context, from *pgxpool.Pool, q room.WalkQuery) (*persist.Log, error) {
	log := persist.NewLog(q)
	err := s.inSnapshot(ctx, from, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectBareWalk, [16]byte(q.Room), log.From(), log.Rows())
		if err != nil {
			return err
		}
		var seq int64
		var at entryScan
		var message *[16]byte
		var entries []room.LogEntry // without the messages
		if _, err := pgx.ForEachRow(rows, []any{&seq, &at.seq, &at.kind, &at.event, &message}, func() error {
			if at.seq == nil {
				return nil
			}
			e := at.entry()
			if message != nil {
				e.MessageID = *message
			}
			entries = append(entries, e)
			return nil
		}); err != nil {
			return err
		}
		log.SetSeq(seq)
		for part := range slices.Chunk(entries, mendAtOnce) {
			if err := s.mendEntries(ctx, tx, part); err != nil {
				return err
			}
			for i := 0; i < len(part) && !log.Full(); i++ {
				log.Add(part[i])
			}
			if log.Full() {
				break
			}
		}
		return nil
	})
	return log, err
}

// mendEntries adds the messages to entries of a log.
func (s *Store) mendEntries(ctx context.Context, tx pgx.Tx, entries []room.LogEntry) error {
	var there []uuid.UUID
	for i := range entries {
		if id := entries[i].MessageID; id != uuid.Nil {
			there = append(there, id)
		}
	}
	messages, err := s.mendedAll(ctx, tx, there)
	if err != nil {
		return err
	}
	byID := make(map[uuid.UUID]*protocol.Message, len(messages))
	for i := range messages {
		byID[messages[i].ID] = &messages[i]
	}
	for i := range entries {
		entries[i].Message = byID[entries[i].MessageID]
	}
	return nil
}
