package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/room"
)

// Triggers on chat_rooms note in chat_numbers which room's number was written, and by which
// transaction. A snapshot says which transactions are over, so what a later one adds is found
// exactly, however late a transaction with a small number commits: those that were under way in the
// former snapshot, and those from its end on.

const (
	numbersMost = 100_000     // that one look returns, with more all rooms are compared; and that one statement deletes
	numbersKept = time.Minute // for how long those are kept at least that a node may not have seen
)

// selectNumbers answers with no numbers where rows may be missing since the former snapshot, $2:
// they were lost, deleted, or not written, as a trigger is off. The start of the server is part
// of the answer: nobody knows what was done to its files before. What a restored dump has of a
// time to come is left out.
const selectNumbers = `WITH k AS MATERIALIZED (SELECT id, pg_postmaster_start_time()::text AS started, id = $1 AND pg_postmaster_start_time()::text = $3
		AND pruned < pg_snapshot_xmax($2::text::pg_snapshot) AND pg_snapshot_xmax($2::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())
		AND 4 = (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = 'chat_rooms'::regclass AND t.tgenabled = 'A'
			AND t.tgname IN ('caravan_note_number', 'caravan_note_set_back', 'caravan_note_gone', 'caravan_note_emptied')) AS whole
		FROM chat_numbers_kept)
	SELECT k.id, k.started, pg_current_snapshot()::text, k.whole, n.rooms, n.seqs
	FROM k CROSS JOIN LATERAL (SELECT array_agg(chat_room_id) AS rooms, array_agg(seq) AS seqs FROM (
		SELECT chat_room_id, seq FROM chat_numbers
			WHERE k.whole AND xact >= pg_snapshot_xmax($2::text::pg_snapshot) AND xact < pg_snapshot_xmax(pg_current_snapshot())
		UNION ALL
		SELECT chat_room_id, seq FROM chat_numbers
			WHERE k.whole AND xact = ANY (ARRAY(SELECT pg_snapshot_xip($2::text::pg_snapshot)))
		LIMIT $4) c) n`

// keepNumbers says that from now on rows are all there.
const keepNumbers = `INSERT INTO chat_numbers_kept (id, pruned) VALUES (gen_random_uuid(), pg_snapshot_xmax(pg_current_snapshot())) ON CONFLICT DO NOTHING`

// pruneNumbers deletes what a snapshot, $2, saw, at most $3 rows, and says so to nodes that have
// not looked since.
const pruneNumbers = `WITH marked AS (UPDATE chat_numbers_kept SET pruned = greatest(pruned, pg_snapshot_xmax($2::text::pg_snapshot)) WHERE id = $1 RETURNING id)
	DELETE FROM chat_numbers USING marked WHERE ctid = ANY (ARRAY(SELECT ctid FROM chat_numbers
		WHERE xact < pg_snapshot_xmax($2::text::pg_snapshot) AND pg_visible_in_snapshot(xact, $2::text::pg_snapshot) LIMIT $3))`

// moment is what a room.Moment says here.
type moment struct {
	kept              uuid.UUID // of chat_numbers_kept
	snapshot, started string
}

// noMoment is before all others: nothing is known.
var noMoment = moment{snapshot: "1:1:"}

func (m moment) String() room.Moment {
	return room.Moment(m.kept.String() + "/" + m.snapshot + "/" + m.started)
}

func parseMoment(m room.Moment) moment {
	parts := strings.SplitN(string(m), "/", 3)
	if len(parts) != 3 {
		return noMoment
	}
	kept, err := uuid.Parse(parts[0])
	if err != nil {
		return noMoment
	}
	return moment{kept, parts[1], parts[2]}
}

// pruning is which rows of chat_numbers this store deletes next.
type pruning struct {
	off atomic.Bool // it cannot be told which were written, and the log says so

	mu sync.Mutex
	at time.Time // when that moment was
	to moment
}

// NumbersSince implements room.Store.
func (s *Store) NumbersSince(ctx context.Context, since room.Moment) (room.Numbers, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return room.Numbers{}, fault("numbers", err)
	}
	defer done()
	var numbers room.Numbers
	var now moment
	err = s.again(ctx, s.readers, func() (err error) {
		numbers, now, err = s.askNumbers(ctx, parseMoment(since))
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err = s.readers.Exec(ctx, keepNumbers); err == nil {
				numbers, now, err = s.askNumbers(ctx, noMoment)
			}
		}
		return err
	})
	if cannotTell(err) {
		if !s.pruning.off.Swap(true) {
			s.log.Warn("which rooms' numbers were written cannot be told: all rooms are compared each time", "error", err)
		}
		return room.Numbers{All: true}, nil
	}
	if err != nil {
		return room.Numbers{}, fault("numbers", err)
	}
	s.pruning.off.Store(false)
	s.prune(ctx, now)
	return numbers, nil
}

// cannotTell reports whether the server answers, and has not got the tables, the role may not use
// them, or rows are missing while nothing may be written.
func cannotTell(err error) bool {
	return hasCode(err, codeForbidden) || hasCode(err, codeNoTable) || hasCode(err, codeNoColumn) || hasCode(err, codeReadOnly)
}

// askNumbers asks once. pgx.ErrNoRows: rows were lost, and nobody has said from where on they are
// all there.
func (s *Store) askNumbers(ctx context.Context, since moment) (numbers room.Numbers, now moment, err error) {
	var whole bool
	var rooms [][16]byte
	var seqs []int64
	err = s.readers.QueryRow(ctx, selectNumbers, [16]byte(since.kept), since.snapshot, since.started, numbersMost+1).
		Scan((*[16]byte)(&now.kept), &now.started, &now.snapshot, &whole, &rooms, &seqs)
	switch {
	case err != nil:
		return numbers, now, err
	case len(rooms) != len(seqs):
		return numbers, now, fmt.Errorf("%d rooms have %d numbers", len(rooms), len(seqs))
	case !whole, len(rooms) > numbersMost:
		return room.Numbers{Until: now.String(), All: true}, now, nil
	}
	of := make([]uuid.UUID, len(rooms))
	for i := range rooms {
		of[i] = rooms[i]
	}
	return room.NewNumbers(now.String(), of, seqs), now, nil
}

// prune deletes now and then what all nodes have seen that look often enough. What cannot be
// deleted is deleted the next time.
func (s *Store) prune(ctx context.Context, now moment) {
	p := &s.pruning
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to.kept != now.kept {
		p.at, p.to = time.Now(), now
	}
	if time.Since(p.at) < numbersKept {
		return
	}
	for {
		tag, err := s.readers.Exec(ctx, pruneNumbers, [16]byte(p.to.kept), p.to.snapshot, numbersMost)
		if err != nil {
			return
		}
		if tag.RowsAffected() < numbersMost {
			break
		}
	}
	p.at, p.to = time.Now(), now
}
