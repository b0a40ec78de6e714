package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"
)

// Numbering the messages of an adopted table takes minutes where there are millions. The
// service that made them writes on meanwhile, so it is no numbered step: it is done in
// portions that are committed each, and goes on where it was ended.
//
// The order is what makes it exact. Messages older than numberAge are numbered first, by
// their times. Then nobody writes for an instant: what is left gets its numbers, and a
// trigger is made that numbers what the service stores from then on, as each message comes.

// numberRows is how many messages a portion numbers. An edit of one of them by the service waits
// so long for it.
const numberRows = 5000

// numberAge is how old a message is that is numbered while others are written: those that a
// transaction of the service stores later must not belong before it.
const numberAge = "1 minute"

// shortly has a statement wait shortly for a lock, as all who come after it wait as well.
// Longer now and then: the server's own vacuum gives way to who has waited for a second.
const shortly = `SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);`

// beside has what is made stand beside chat_messages, as 00003 does.
const beside = `SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();`

// findUnnumbered tells whether chat_messages is an adopted table whose messages 00001 would
// have to number while nobody may write. What is built otherwise (partitions, ids or times of
// other types) is left to it.
const findUnnumbered = `SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('chat_messages') AND c.relkind = 'r' AND NOT c.relispartition)
	AND EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('chat_rooms') AND c.relkind = 'r' AND NOT c.relispartition)
	AND 4 = (SELECT count(*) FROM pg_attribute a WHERE NOT a.attisdropped AND
		(a.attrelid = to_regclass('chat_messages') AND a.attname IN ('id', 'chat_room_id') AND a.atttypid = 'uuid'::regtype
		OR a.attrelid = to_regclass('chat_messages') AND a.attname = 'created_at' AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
		OR a.attrelid = to_regclass('chat_rooms') AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype))
	AND 2 > (SELECT count(*) FROM pg_attribute a
		WHERE a.attrelid = to_regclass('chat_messages') AND a.attname IN ('seq', 'rev') AND a.attnotnull AND NOT a.attisdropped)`

// The columns, one table after another: each takes its table for itself for an instant.
const (
	addRoomNumbers    = shortly + `ALTER TABLE chat_rooms ADD COLUMN IF NOT EXISTS last_seq bigint NOT NULL DEFAULT 0`
	addMessageNumbers = shortly + `ALTER TABLE chat_messages ADD COLUMN IF NOT EXISTS seq bigint, ADD COLUMN IF NOT EXISTS rev bigint,
		ADD COLUMN IF NOT EXISTS client_id text`
)

// takeNumbers has rooms and messages go on from the numbers that are there.
const takeNumbers = `UPDATE chat_messages SET rev = seq WHERE seq IS NOT NULL AND rev IS NULL;
	UPDATE chat_rooms r SET last_seq = n.last
	FROM (SELECT chat_room_id, max(greatest(seq, rev)) AS last FROM chat_messages WHERE seq IS NOT NULL GROUP BY chat_room_id) n
	WHERE n.chat_room_id = r.id AND coalesce(r.last_seq, 0) < n.last`

// unnumberedIndex finds what is left, in order.
var unnumberedIndex = index{name: "caravan_messages_unnumbered", columns: "chat_room_id, created_at, id", where: "seq IS NULL"}

// numberPortion numbers the next messages after $1, $2, $3, and returns how many there were and
// the last of them. Those that are in no room are passed over.
const numberPortion = `WITH portion AS MATERIALIZED (
		SELECT id, chat_room_id, created_at FROM chat_messages
		WHERE seq IS NULL AND (chat_room_id, created_at, id) > ($1::uuid, $2::timestamptz, $3::uuid)
			AND created_at < clock_timestamp() - interval '` + numberAge + `'
		ORDER BY chat_room_id, created_at, id LIMIT $4),
	numbered AS MATERIALIZED (
		SELECT p.id, r.id AS room, coalesce(r.last_seq, 0) + row_number() OVER (PARTITION BY p.chat_room_id ORDER BY p.created_at, p.id) AS seq
		FROM portion p JOIN chat_rooms r ON r.id = p.chat_room_id),
	messages AS (UPDATE chat_messages m SET seq = n.seq, rev = n.seq FROM numbered n WHERE m.id = n.id),
	rooms AS (UPDATE chat_rooms r SET last_seq = n.last FROM (SELECT room, max(seq) AS last FROM numbered GROUP BY room) n WHERE r.id = n.room)
	SELECT (SELECT count(*) FROM portion), p.chat_room_id, p.created_at::timestamptz::text, p.id
	FROM portion p ORDER BY chat_room_id DESC, created_at DESC, id DESC LIMIT 1`

// numberRest numbers what is left while nobody writes, and makes the trigger.
const numberRest = shortly + beside + `LOCK TABLE chat_messages IN SHARE ROW EXCLUSIVE MODE;
	WITH messages AS (
		UPDATE chat_messages m SET seq = n.seq, rev = n.seq
		FROM (SELECT u.id, coalesce(r.last_seq, 0) + row_number() OVER (PARTITION BY u.chat_room_id ORDER BY u.created_at, u.id) AS seq
			FROM chat_messages u LEFT JOIN chat_rooms r ON r.id = u.chat_room_id WHERE u.seq IS NULL) n
		WHERE m.id = n.id RETURNING m.chat_room_id, m.seq)
	UPDATE chat_rooms r SET last_seq = n.last FROM (SELECT chat_room_id, max(seq) AS last FROM messages GROUP BY chat_room_id) n WHERE r.id = n.chat_room_id;
	CREATE OR REPLACE FUNCTION caravan_number() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
	BEGIN
		IF NEW.seq IS NULL THEN
			UPDATE chat_rooms SET last_seq = coalesce(last_seq, 0) + 1 WHERE id = NEW.chat_room_id RETURNING last_seq INTO NEW.seq;
		END IF;
		NEW.rev := coalesce(NEW.rev, NEW.seq);
		RETURN NEW;
	END
	$$;
	CREATE TRIGGER caravan_number BEFORE INSERT ON chat_messages FOR EACH ROW
		WHEN (NEW.seq IS NULL OR NEW.rev IS NULL) EXECUTE FUNCTION caravan_number()`

// numberIndexes are those of 00001. What it makes of rev, 00005 takes away: until then no
// message needs to be in it.
var numberIndexes = []index{
	{name: "caravan_messages_seq", columns: "chat_room_id, seq", unique: true},
	{name: "caravan_messages_rev", columns: "chat_room_id, rev", where: "rev <> seq", unique: true},
	{name: "caravan_messages_client", columns: "chat_room_id, sender_id, client_id", where: "client_id IS NOT NULL", unique: true},
}

// The proof that 00001 has nothing to number, which is looked for while everybody writes.
const (
	addProof = shortly + `ALTER TABLE chat_messages ADD CONSTRAINT caravan_numbered CHECK (seq IS NOT NULL AND rev IS NOT NULL) NOT VALID`
	prove    = `ALTER TABLE chat_messages VALIDATE CONSTRAINT caravan_numbered`
)

// numbering is under way in one database.
type numbering struct {
	db  *sql.DB
	log *slog.Logger
}

// numberAdopted numbers the messages of an adopted table.
func numberAdopted(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	needed, err := ask(ctx, db, findUnnumbered)
	if err != nil || !needed {
		return err
	}
	unlock, err := lockIndexes(ctx, db)
	if err != nil {
		return fmt.Errorf("wait for the lock of indexes: %w", err)
	}
	defer unlock()
	if needed, err = ask(ctx, db, findUnnumbered); err != nil || !needed {
		return err
	}
	n := &numbering{db: db, log: log}
	if err := n.number(ctx); err != nil {
		return fmt.Errorf("number an adopted chat_messages: %w", err)
	}
	return nil
}

func (n *numbering) number(ctx context.Context) error {
	for _, add := range []string{addRoomNumbers, addMessageNumbers} {
		if err := n.exec(ctx, add); err != nil {
			return err
		}
	}
	triggered, err := ask(ctx, n.db, `SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'chat_messages'::regclass AND tgname = 'caravan_number')`)
	if err != nil {
		return err
	}
	if !triggered {
		if err := n.messages(ctx); err != nil {
			return err
		}
	}
	if err := n.exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+unnumberedIndex.name); err != nil {
		return err
	}
	if err := n.indexes(ctx, numberIndexes...); err != nil {
		return err
	}
	return n.prove(ctx)
}

// messages numbers all messages, and leaves a trigger that numbers those that follow.
func (n *numbering) messages(ctx context.Context) error {
	if err := n.exec(ctx, takeNumbers); err != nil {
		return err
	}
	if err := n.indexes(ctx, unnumberedIndex); err != nil {
		return err
	}
	start, logged, all := time.Now(), time.Now(), 0
	for {
		rows, err := n.pass(ctx, func(rows int) {
			if all += rows; time.Since(logged) >= lockLogEvery {
				n.log.Info("messages are numbered", "messages", all, "took", time.Since(start))
				logged = time.Now()
			}
		})
		if err != nil {
			return err
		}
		if rows < numberRows { // what is left takes an instant
			break
		}
	}
	if err := n.exec(ctx, numberRest); err != nil {
		return err
	}
	n.log.Info("messages have their numbers, and the service's next ones get theirs by a trigger: when it has ended, DROP TRIGGER caravan_number ON chat_messages",
		"messages", all, "took", time.Since(start))
	return nil
}

// pass numbers the messages of all rooms that are old enough, and returns how many there were.
func (n *numbering) pass(ctx context.Context, tell func(rows int)) (all int, err error) {
	const nobody = "00000000-0000-0000-0000-000000000000"
	room, id, at := nobody, nobody, "-infinity"
	for {
		var rows int
		err := untilLocked(ctx, n.log, func() (err error) {
			rows, err = n.portion(ctx, &room, &at, &id)
			return err
		})
		if err != nil {
			return all, err
		}
		if all += rows; rows > 0 {
			tell(rows)
		}
		if rows < numberRows {
			return all, nil
		}
	}
}

// portion numbers the next messages and moves on to the last of them.
func (n *numbering) portion(ctx context.Context, room, at, id *string) (rows int, err error) {
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after a Commit it does nothing
	// Of a table that was never analyzed the planner would read all, once a portion.
	if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = '500ms'; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
		SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off`); err != nil {
		return 0, err
	}
	var lastRoom, lastAt, lastID string
	switch err := tx.QueryRowContext(ctx, numberPortion, *room, *at, *id, numberRows).Scan(&rows, &lastRoom, &lastAt, &lastID); err {
	case nil:
	case sql.ErrNoRows:
		return 0, nil
	default:
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	*room, *at, *id = lastRoom, lastAt, lastID
	return rows, nil
}

// indexes makes those that are missing, while others write.
func (n *numbering) indexes(ctx context.Context, wanted ...index) error {
	tables, err := messageTables(ctx, n.db)
	if err != nil {
		return err
	}
	missing, err := missingIndexes(ctx, n.db, tables, wanted)
	if err != nil {
		return err
	}
	return makeEach(ctx, n.db, n.log, missing)
}

// prove has PostgreSQL see that each message has its number.
func (n *numbering) prove(ctx context.Context) error {
	begun, err := ask(ctx, n.db, `SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'chat_messages'::regclass AND conname = 'caravan_numbered')`)
	if err != nil {
		return err
	}
	if !begun {
		if err := n.exec(ctx, addProof); err != nil {
			return err
		}
	}
	return n.exec(ctx, prove)
}

// exec runs statements until nobody holds what they need.
func (n *numbering) exec(ctx context.Context, statements string) error {
	return untilLocked(ctx, n.log, func() error {
		_, err := n.db.ExecContext(ctx, statements)
		return err
	})
}

// ask asks for one truth.
func ask(ctx context.Context, db *sql.DB, question string) (is bool, err error) {
	err = db.QueryRowContext(ctx, question).Scan(&is)
	return is, err
}
