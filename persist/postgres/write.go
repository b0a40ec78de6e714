package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caravan-chat/caravan/persist"
)

// The statements of Append's last round trip, beside those of columns.go.
const (
	// ownEvents tells the triggers on chat_messages, until the transaction ends, that
	// this node writes the rows of chat_events itself: nodes of the release before do not.
	ownEvents = `SET LOCAL caravan.log = '2'`

	// ownSummaries tells a trigger likewise that this node sees to the summaries of what new
	// messages answer.
	ownSummaries = `SET LOCAL caravan.summaries = 'own'`

	insertEvents = `INSERT INTO chat_events (chat_room_id, seq, id, kind, message_id, actor_id, at)
	SELECT room, seq, id, kind, nullif(message, '00000000-0000-0000-0000-000000000000'), actor, at
	FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::smallint[], $5::uuid[], $6::uuid[], $7::timestamptz[])
	AS n(room, seq, id, kind, message, actor, at)`

	updateRooms = `UPDATE chat_rooms r SET last_seq = n.seq
	FROM unnest($1::uuid[], $2::bigint[]) AS n(id, seq) WHERE r.id = n.id`

	checkNow = `SET CONSTRAINTS ALL IMMEDIATE`
	commit   = `COMMIT`
	rollback = `ROLLBACK`
)

// copyRowsMin is how many new messages pay for the round trip of COPY.
// Processor time of both sides by BenchmarkInsert, arrays and COPY: 10 rows 68 and
// 91 µs a row, 100 rows 32 and 30, 1,000 rows 23 and 20, 5,000 rows 34 and 17.
const copyRowsMin = 100

// write sends the plan's rows (but those that copyIn took) and the end of the
// transaction in one round trip. After an error that is not definite the transaction may have committed.
func write(ctx context.Context, conn *pgx.Conn, plan *persist.Plan, mode persist.Mode) error {
	var batch pgx.Batch
	if n := len(plan.Inserts); n < copyRowsMin {
		queueChanges(&batch, plan)
		if n > 0 {
			way := insertionOf(plan.Inserts)
			batch.Queue(way.insert, arrayArgs(way.columns, plan.Inserts)...)
		}
	}
	if len(plan.Updates) > 0 {
		way := updateOf(plan)
		batch.Queue(way.sql, arrayArgs(way.columns, plan.Updates)...)
	}
	queueMentions(&batch, plan)
	queueClaims(&batch, plan)
	queueReactions(&batch, plan)
	queueDeletions(&batch, plan)
	queueMarks(&batch, plan)
	queueSpent(&batch, plan)
	if len(plan.Heads) > 0 {
		batch.Queue(updateRooms, headColumns(plan.Heads)...)
	}
	if mode == persist.TryOut {
		batch.Queue(checkNow)
		return sendBatch(ctx, conn, &batch, rollback)
	}
	return committing(conn, func() error { return sendBatch(ctx, conn, &batch, commit) })
}

// queueChanges comes before what makes a message other than it was.
func queueChanges(batch *pgx.Batch, plan *persist.Plan) {
	if len(plan.Changes) > 0 {
		batch.Queue(ownEvents)
		batch.Queue(insertEvents, changeColumns(plan.Changes)...)
	}
	if len(plan.Inserts) > 0 && len(plan.Due)+len(plan.Summarized) > 0 {
		batch.Queue(ownSummaries)
	}
}

// sendBatch sends statements and then the transaction's end, in one round trip. Where a statement
// returns rows, its own function reads them.
func sendBatch(ctx context.Context, conn *pgx.Conn, batch *pgx.Batch, end string) error {
	batch.Queue(end)
	results := conn.SendBatch(ctx, batch)
	for _, q := range batch.QueuedQueries[:batch.Len()-1] {
		var err error
		if q.Fn != nil {
			err = q.Fn(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close() // repeats err
			return err
		}
	}
	tag, err := results.Exec()
	_ = results.Close() // the answer stands, whatever happens to the connection after it
	return answered(end, tag, err)
}

// sendCommit ends a transaction that has written everything. After an error that
// is not definite it may have committed.
func sendCommit(ctx context.Context, conn *pgx.Conn) error {
	return committing(conn, func() error {
		tag, err := conn.Exec(ctx, commit)
		return answered(commit, tag, err)
	})
}

// answered is err, or an error where the server did something else than it was
// told: a failed transaction answers COMMIT with ROLLBACK.
func answered(told string, tag pgconn.CommandTag, err error) error {
	if err == nil && tag.String() != told {
		return fmt.Errorf("the server answered %s with %s", told, tag)
	}
	return err
}

func headColumns(heads []persist.Head) []any {
	ids, seqs := make([][16]byte, len(heads)), make([]int64, len(heads))
	for i, h := range heads {
		ids[i], seqs[i] = h.Room, h.Seq
	}
	return []any{ids, seqs}
}

func changeColumns(changes []persist.Change) []any {
	n := len(changes)
	rooms, rows, messages, actors := make([][16]byte, n), make([][16]byte, n), make([][16]byte, n), make([][16]byte, n)
	seqs, kinds, times := make([]int64, n), make([]int16, n), make([]time.Time, n)
	for i, c := range changes {
		rooms[i], rows[i], messages[i], actors[i] = c.Room, c.ID, c.Message, c.Actor
		seqs[i], kinds[i], times[i] = c.Seq, int16(c.Kind), c.At
	}
	return []any{rooms, seqs, rows, kinds, messages, actors, times}
}
