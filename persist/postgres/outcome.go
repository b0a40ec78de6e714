package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// The search for an outcome asks again after pauses that double up to this.
const outcomePauseMax = 250 * time.Millisecond

const (
	// askStatus finds no row on a server that is not, or not yet, a primary.
	askStatus = `SELECT coalesce(pg_xact_status($1), 'forgotten') WHERE NOT pg_is_in_recovery()`

	// endAbandoned ends the transaction if it only waits for its client: the COMMIT
	// has not arrived and must not arrive any more. One that is younger than the cut is
	// somebody else's, who was given the number anew after a crash.
	endAbandoned = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE backend_xid = $1::xid8::xid AND datname = current_database() AND wait_event = 'ClientRead'
	AND xact_start < clock_timestamp() - $2::interval`

	findInsert = `SELECT EXISTS (SELECT FROM chat_messages WHERE id = $1)`

	findChange = `SELECT EXISTS (SELECT FROM chat_events WHERE chat_room_id = $1 AND seq = $2 AND id = $3)`
)

// outcome finds out whether a transaction was committed whose connection broke
// (cause) when COMMIT may have been sent. First it waits until the transaction
// has ended, then it looks for its rows, and where they are there it waits until the
// synchronous standbys have them, too. The rows decide, not the status: after a
// crash or a failover the number may belong to another transaction, or to none.
// As long as the server does not answer it asks again, until the time is up.
func (s *Store) outcome(ctx context.Context, xact uint64, plan *persist.Plan, cause error) (fate, error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait.outcome)
	defer cancel()
	start, pause := time.Now(), time.Millisecond
	for {
		found, err := s.askOutcome(ctx, xact, plan, start)
		if err == nil && found.ended {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return fate{}, fmt.Errorf("postgres: append: %w: %w (then: %w)", room.ErrOutcomeUnknown, cause, errors.Join(err, ctx.Err()))
		case <-time.After(pause):
		}
		pause = min(2*pause, outcomePauseMax)
	}
}

// fate is what became of a transaction that was cut.
type fate struct {
	ended, committed bool
	timeline         room.Timeline // of the server that says so
}

// askOutcome asks once about a transaction that was cut at that time. An error
// means that the server did not answer.
func (s *Store) askOutcome(ctx context.Context, xact uint64, plan *persist.Plan, cut time.Time) (found fate, err error) {
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return fate{}, err
	}
	defer conn.Release()
	is := identityOf(conn.Conn())

	var status string
	err = conn.QueryRow(ctx, askStatus, xact).Scan(&status)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == codeFutureXact:
		// The server lost the transaction and has not used its number again.
	case err != nil:
		return fate{}, err
	case status == "in progress":
		if time.Since(cut) > s.wait.abandoned {
			_, err = conn.Exec(ctx, endAbandoned, xact, time.Since(cut))
		}
		return fate{}, err
	}
	committed, err := findRow(ctx, conn, plan)
	if err == nil && committed {
		err = findRaised(ctx, conn, plan)
	}
	if err == nil && committed {
		err = passBarrier(ctx, conn.Conn())
	}
	if err == nil {
		err = s.primary.superseded(is)
	}
	return fate{err == nil, committed, is.timeline}, err
}

// findRow looks for a row of the plan: a new message, or a number that was taken. Where it
// has marks and reactions only, they are looked at.
func findRow(ctx context.Context, conn *pgxpool.Conn, plan *persist.Plan) (there bool, err error) {
	if len(plan.Inserts) > 0 {
		err = conn.QueryRow(ctx, findInsert, [16]byte(plan.Inserts[0].ID)).Scan(&there)
		return there, err
	}
	if len(plan.Changes) == 0 {
		if there, err = marksInForce(ctx, conn, plan); err == nil && there {
			there, err = reactionsStand(ctx, conn, plan)
		}
		return there, err
	}
	c := plan.Changes[0]
	err = conn.QueryRow(ctx, findChange, [16]byte(c.Room), c.Seq, [16]byte(c.ID)).Scan(&there)
	return there, err
}
