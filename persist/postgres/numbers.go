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

// noteTriggers are those on chat_rooms.
const noteTriggers = "caravan_note_number,caravan_note_set_back,caravan_note_gone,caravan_note_put_back,caravan_note_emptied"

// triggersOff are those of noteTriggers that do not fire for all who write.
const triggersOff = `ARRAY(SELECT name FROM unnest('{` + noteTriggers + `}'::text[]) AS name WHERE NOT EXISTS (
		SELECT FROM pg_trigger t WHERE t.tgrelid = 'chat_rooms'::regclass AND t.tgname = name AND t.tgenabled = 'A'))`

// selectNumbers answers with no numbers where rows may be missing since the former snapshot, $2:
// they were lost, deleted, or not written. The answer says which triggers are off, and where the
// rows are: since which start of the server, in which database and table. Nobody knows what was done
// to the files before a start, and a restored dump brings rows of another place. Where it
// brings a row of chat_numbers_kept from a time to come, that one counts for nothing.
const selectNumbers = `WITH k AS MATERIALIZED (SELECT id, place, off, id = $1 AND place = $3 AND off = '{}'
		AND pruned < pg_snapshot_xmax($2::text::pg_snapshot) AND pg_snapshot_xmax($2::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS whole
		FROM chat_numbers_kept, (SELECT ` + triggersOff + ` AS off, concat_ws(' ', pg_postmaster_start_time()::text,
			(SELECT oid FROM pg_database WHERE datname = current_database()), 'chat_rooms'::regclass::oid) AS place) AS here
		WHERE pruned <= pg_snapshot_xmax(pg_current_snapshot()))
	SELECT k.id, k.place, pg_current_snapshot()::text, k.off, k.whole, n.rooms, n.seqs
	FROM k CROSS JOIN LATERAL (SELECT array_agg(chat_room_id) AS rooms, array_agg(seq) AS seqs FROM (
		SELECT chat_room_id, seq FROM chat_numbers
			WHERE k.whole AND xact >= pg_snapshot_xmax($2::text::pg_snapshot) AND xact < pg_snapshot_xmax(pg_current_snapshot())
		UNION ALL
		SELECT chat_room_id, seq FROM chat_numbers
			WHERE k.whole AND xact = ANY (ARRAY(SELECT pg_snapshot_xip($2::text::pg_snapshot)))
		LIMIT $4) c) n`

// keepNumbers says that from now on rows are all there.
const keepNumbers = `INSERT INTO chat_numbers_kept AS k (id, pruned) VALUES (gen_random_uuid(), pg_snapshot_xmax(pg_current_snapshot()))
	ON CONFLICT (one) DO UPDATE SET id = excluded.id, pruned = excluded.pruned WHERE k.pruned > excluded.pruned`

// pruneNumbers deletes what a snapshot, $2, saw and a former one, $3, did not, at most $4 rows,
// and says so to nodes that have not looked since. What was deleted before is not walked again:
// it stays in the index as long as anybody's snapshot is older. Rows of a time to come are from a dump.
const pruneNumbers = `WITH marked AS (UPDATE chat_numbers_kept SET pruned = greatest(pruned, pg_snapshot_xmax($2::text::pg_snapshot)) WHERE id = $1 RETURNING id)
	DELETE FROM chat_numbers USING marked WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM chat_numbers WHERE xact >= pg_snapshot_xmax($3::text::pg_snapshot) AND xact < pg_snapshot_xmax($2::text::pg_snapshot)
			AND pg_visible_in_snapshot(xact, $2::text::pg_snapshot)
		UNION ALL
		SELECT ctid FROM chat_numbers WHERE xact = ANY (ARRAY(SELECT pg_snapshot_xip($3::text::pg_snapshot))) AND pg_visible_in_snapshot(xact, $2::text::pg_snapshot)
		UNION ALL
		SELECT ctid FROM chat_numbers WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())
		LIMIT $4))`

// moment is what a room.Moment says here.
type moment struct {
	kept            uuid.UUID // of chat_numbers_kept
	snapshot, place string
}

// noMoment is before all others: nothing is known.
var noMoment = moment{snapshot: "1:1:"}

func (m moment) String() room.Moment {
	return room.Moment(m.kept.String() + "/" + m.snapshot + "/" + m.place)
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
	// What the log says already: it cannot be told which were written, triggers are off, rows
	// cannot be deleted.
	untold, triggersOff, undeleted atomic.Bool

	mu   sync.Mutex
	from string    // the snapshot of which all was deleted
	to   moment    // up to which it is deleted next
	at   time.Time // when that moment was
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
		if !s.pruning.untold.Swap(true) {
			s.log.Warn("which rooms' numbers were written cannot be told: all rooms are compared each time", "error", err, "needs", s.grantNumbers())
		}
		return room.Numbers{All: true}, nil
	}
	if err != nil {
		return room.Numbers{}, fault("numbers", err)
	}
	s.pruning.untold.Store(false)
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
	var off []string
	var rooms [][16]byte
	var seqs []int64
	err = s.readers.QueryRow(ctx, selectNumbers, [16]byte(since.kept), since.snapshot, since.place, numbersMost+1).
		Scan((*[16]byte)(&now.kept), &now.place, &now.snapshot, &off, &whole, &rooms, &seqs)
	if err != nil {
		return numbers, now, err
	}
	s.sayTriggersOff(off)
	switch {
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

// sayTriggersOff says once, and again once all were on, which triggers are off.
func (s *Store) sayTriggersOff(off []string) {
	if told := s.pruning.triggersOff.Swap(len(off) > 0); len(off) > 0 && !told {
		s.log.Warn("triggers on chat_rooms are off or gone: all rooms are compared each time", "triggers", off, "needs", enableTriggers(off))
	}
}

// enableTriggers is what has triggers fire for all who write.
func enableTriggers(names []string) string {
	return "ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER " + strings.Join(names, ", ENABLE ALWAYS TRIGGER ") + ";"
}

// grantNumbers is what a node's role needs.
func (s *Store) grantNumbers() string { return grantNumbersTo(s.readers.Config().ConnConfig.User) }

func grantNumbersTo(role string) string {
	return "GRANT SELECT, INSERT, UPDATE, DELETE ON chat_numbers, chat_numbers_kept TO " + pgx.Identifier{role}.Sanitize() + ";"
}

// prune deletes now and then what all nodes have seen that look often enough. What cannot be
// deleted is tried again later.
func (s *Store) prune(ctx context.Context, now moment) {
	p := &s.pruning
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to.kept != now.kept || p.to.place != now.place {
		p.from, p.to, p.at = noMoment.snapshot, now, time.Now()
	}
	if time.Since(p.at) < numbersKept {
		return
	}
	for {
		tag, err := s.readers.Exec(ctx, pruneNumbers, [16]byte(p.to.kept), p.to.snapshot, p.from, numbersMost)
		if err != nil {
			if !errors.Is(ctx.Err(), context.Canceled) && !p.undeleted.Swap(true) {
				s.log.Warn("notes of rooms' numbers cannot be deleted: chat_numbers grows", "error", err, "needs", s.grantNumbers())
			}
			break
		}
		if tag.RowsAffected() < numbersMost {
			p.from = p.to.snapshot
			p.undeleted.Store(false)
			break
		}
	}
	p.to, p.at = now, time.Now()
}
