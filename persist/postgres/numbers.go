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
	notesMost   = 100_000     // that one look returns, with more all rooms are compared; and that one statement deletes
	numbersKept = time.Minute // for how long those are kept at least that a node may not have seen

	pruneTimeout = 10 * time.Second // of deleting them
	pruneWaits   = "SET LOCAL lock_timeout = '500ms'"
)

// noteTriggers are those on chat_rooms.
const noteTriggers = "caravan_note_number,caravan_note_set_back,caravan_note_gone,caravan_note_put_back,caravan_note_emptied"

// triggersOff are those of noteTriggers that do not fire for all who write.
const triggersOff = `ARRAY(SELECT name FROM unnest('{` + noteTriggers + `}'::text[]) AS name WHERE NOT EXISTS (
		SELECT FROM pg_trigger t WHERE t.tgrelid = 'chat_rooms'::regclass AND t.tgname = name AND t.tgenabled = 'A'))`

// selectNumbers answers with no numbers where rows may be missing since the former snapshot.
var selectNumbers = notesSince("chat_numbers", triggersOff, "'chat_rooms'::regclass::oid, "+triggerVersions("'chat_rooms'::regclass", strings.Split(noteTriggers, ",")...), "chat_room_id", "seq")

// triggerVersions says which of a table's triggers there are by these names, and of which version: what they were
// while they were off or gone for an instant, or taken away and made again, cannot be seen otherwise.
func triggerVersions(table string, names ...string) string {
	return `(SELECT string_agg(t.oid || ' ' || t.xmin::text, ' ' ORDER BY t.oid) FROM pg_trigger t WHERE t.tgrelid = ` + table + ` AND t.tgname IN ('` + strings.Join(names, "', '") + `'))`
}

// notesSince makes the statement that selects two columns of the notes in a table. It answers with none
// where rows may be missing since the former snapshot, $2:
// they were lost, deleted, or not written. The answer says which triggers are off, and where the
// rows are: since which start of the server, in which database, of which tables and by which triggers. Nobody knows what was done
// to the files before a start, and a restored dump brings rows of another place. Where it
// brings a row of the table with _kept from a time to come, that one counts for nothing.
func notesSince(table, off, of, column, other string) string {
	return `WITH k AS MATERIALIZED (SELECT id, place, off, id = $1 AND place = $3 AND off = '{}'
		AND pruned < pg_snapshot_xmax($2::text::pg_snapshot) AND pg_snapshot_xmax($2::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS whole
		FROM ` + table + `_kept, (SELECT ` + off + ` AS off, concat_ws(' ', pg_postmaster_start_time()::text,
			(SELECT oid FROM pg_database WHERE datname = current_database()), ` + of + `) AS place) AS here
		WHERE pruned <= pg_snapshot_xmax(pg_current_snapshot()))
	SELECT k.id, k.place, pg_current_snapshot()::text, k.off, k.whole, n.a, n.b
	FROM k CROSS JOIN LATERAL (SELECT array_agg(` + column + `) AS a, array_agg(` + other + `) AS b FROM (
		SELECT ` + column + `, ` + other + ` FROM ` + table + `
			WHERE k.whole AND xact >= pg_snapshot_xmax($2::text::pg_snapshot) AND xact < pg_snapshot_xmax(pg_current_snapshot())
		UNION ALL
		SELECT ` + column + `, ` + other + ` FROM ` + table + `
			WHERE k.whole AND xact = ANY (ARRAY(SELECT pg_snapshot_xip($2::text::pg_snapshot)))
		LIMIT $4) c) n`
}

var keepNumbers, pruneNumbers = keepNotes("chat_numbers"), pruneNotes("chat_numbers")

// keepNotes makes the statement that says that from now on rows are all there.
func keepNotes(table string) string {
	return `INSERT INTO ` + table + `_kept AS k (id, pruned) VALUES (gen_random_uuid(), pg_snapshot_xmax(pg_current_snapshot()))
	ON CONFLICT (one) DO UPDATE SET id = excluded.id, pruned = excluded.pruned WHERE k.pruned > excluded.pruned`
}

// pruneNotes makes the statement that deletes what a snapshot, $2, saw and a former one, $3, did not, at most $4 rows,
// and says so to nodes that have not looked since. What was deleted before is not walked again:
// it stays in the index as long as anybody's snapshot is older. Rows of a time to come are from a dump.
func pruneNotes(table string) string {
	return `WITH marked AS (UPDATE ` + table + `_kept SET pruned = greatest(pruned, pg_snapshot_xmax($2::text::pg_snapshot)) WHERE id = $1 RETURNING id)
	DELETE FROM ` + table + ` USING marked WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM ` + table + ` WHERE xact >= pg_snapshot_xmax($3::text::pg_snapshot) AND xact < pg_snapshot_xmax($2::text::pg_snapshot)
			AND pg_visible_in_snapshot(xact, $2::text::pg_snapshot)
		UNION ALL
		SELECT ctid FROM ` + table + ` WHERE xact = ANY (ARRAY(SELECT pg_snapshot_xip($3::text::pg_snapshot))) AND pg_visible_in_snapshot(xact, $2::text::pg_snapshot)
		UNION ALL
		SELECT ctid FROM ` + table + ` WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())
		LIMIT $4))`
}

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

// pruning is which rows of some notes this store deletes next.
type pruning struct {
	table, statement string        // static
	kept             time.Duration // for how long those are kept at least that a node may not have seen

	// What the log says already: it cannot be told which were written, triggers are off, rows
	// cannot be deleted.
	untold, triggersOff, undeleted atomic.Bool

	under sync.WaitGroup // deleting, of which there is one at most

	mu   sync.Mutex
	from string             // the snapshot of which all was deleted
	to   moment             // up to which it is deleted next
	at   time.Time          // when that moment was
	stop context.CancelFunc // ends what is under way; nil: nothing is
}

// close ends what is under way. Nobody begins anything any more.
func (p *pruning) close() {
	p.mu.Lock()
	if p.stop != nil {
		p.stop()
	}
	p.mu.Unlock()
	p.under.Wait()
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
			s.log.Warn("which rooms' numbers were written cannot be told: all rooms are compared each time", "error", err, "needs", s.grant("chat_numbers"))
		}
		return room.Numbers{All: true}, nil
	}
	if err != nil {
		return room.Numbers{}, fault("numbers", err)
	}
	s.pruning.untold.Store(false)
	s.prune(ctx, &s.pruning, now)
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
	err = s.readers.QueryRow(ctx, selectNumbers, [16]byte(since.kept), since.snapshot, since.place, notesMost+1).
		Scan((*[16]byte)(&now.kept), &now.place, &now.snapshot, &off, &whole, &rooms, &seqs)
	if err != nil {
		return numbers, now, err
	}
	s.sayTriggersOff(off)
	switch {
	case len(rooms) != len(seqs):
		return numbers, now, fmt.Errorf("%d rooms have %d numbers", len(rooms), len(seqs))
	case !whole, len(rooms) > notesMost:
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

// grant is what a node's role needs of a table of notes.
func (s *Store) grant(table string) string {
	return grantNotes(table, s.readers.Config().ConnConfig.User)
}

func grantNotes(table, role string) string {
	return "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + ", " + table + "_kept TO " + pgx.Identifier{role}.Sanitize() + ";"
}

// prune has deleted now and then what all nodes have seen that look often enough, and does not wait for it: who asks is
// answered first. What cannot be deleted is tried again later.
func (s *Store) prune(ctx context.Context, p *pruning, now moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to.kept != now.kept || p.to.place != now.place {
		p.from, p.to, p.at = noMoment.snapshot, now, time.Now()
	}
	if p.stop != nil || time.Since(p.at) < p.kept {
		return
	}
	from, to := p.from, p.to
	ctx, p.stop = context.WithTimeout(context.WithoutCancel(ctx), pruneTimeout)
	p.under.Go(func() {
		err := s.deleteNotes(ctx, p.statement, from, to)
		if err == nil {
			p.undeleted.Store(false)
		} else if !errors.Is(ctx.Err(), context.Canceled) && !p.undeleted.Swap(true) {
			s.log.Warn("notes cannot be deleted: "+p.table+" grows", "error", err, "needs", s.grant(p.table))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stop()
		p.stop = nil
		if p.to.kept != to.kept || p.to.place != to.place { // it begins anew
			return
		}
		if err == nil {
			p.from = to.snapshot
		}
		p.to, p.at = now, time.Now()
	})
}

// deleteNotes deletes what one snapshot saw and a former one did not. It waits for no lock for long.
func (s *Store) deleteNotes(ctx context.Context, statement, from string, to moment) error {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return err
	}
	defer done()
	for deleted := int64(notesMost); deleted == notesMost; {
		err := pgx.BeginFunc(ctx, s.readers, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, pruneWaits); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, statement, [16]byte(to.kept), to.snapshot, from, notesMost)
			deleted = tag.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
