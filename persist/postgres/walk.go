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
// room's log, and one that has only the ids of their messages.
//
// The statement merges two stretches by number, of messages and of changes. That the
// merge ends with the limit takes an order in both, equal types of their columns, and
// the joins within them.
func newWalkStatements() (whole, bare string) {
	form := func(columns, joins string) string {
		return `SELECT r.last_seq, l.* FROM chat_rooms r
	LEFT JOIN LATERAL (
		(SELECT m.seq AS at, 1::smallint AS kind, m.id AS event, ` + columns + ` FROM chat_messages m` + joins + `
			WHERE m.chat_room_id = r.id AND m.seq > $2 AND m.seq >= r.first_seq ORDER BY m.seq)
		UNION ALL
		(SELECT e.seq, e.kind, e.id, ` + columns + ` FROM chat_events e LEFT JOIN chat_messages m ON m.id = e.message_id AND m.seq >= r.first_seq` + joins + `
			WHERE e.chat_room_id = r.id AND e.seq > $2 ORDER BY e.seq)
		ORDER BY at LIMIT $3) l ON true
	WHERE r.id = $1 ORDER BY l.at`
	}
	return form(messageColumns, messageJoins), form("m.id", "")
}

// Walk implements room.Store.
func (s *Store) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	from := s.readers
	if q.Bulk {
		from = s.bulk
	} else {
		done, err := s.shares.Missed(ctx)
		if err != nil {
			return room.Walk{}, fault("walk", err)
		}
		defer done()
	}
	var log *persist.Log
	err := inSteps(q.Limit, func(step room.Limit) (counted bool, err error) {
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
