package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// Append implements room.Store. Even when ctx has no deadline it ends: a
// transaction is given up after 10 s, and the search for the outcome of a commit
// that was cut after 15 s more. With a deadline, half of the time that is left
// belongs to that search.
func (s *Store) Append(ctx context.Context, batch []*room.Op) error {
	return persist.Append(ctx, batch, s.transaction)
}

// transaction is a persist.Transaction. The order of its stages is the
// guarantee: rooms are locked before anything is read, and nothing is concluded
// before the server confirmed the COMMIT or its outcome was looked up.
func (s *Store) transaction(ctx context.Context, ops []*room.Op, mode persist.Mode) (*persist.Plan, error) {
	txCtx, cancel := context.WithTimeout(ctx, transactionTime(ctx))
	defer cancel()
	conn, err := s.writers.Acquire(txCtx)
	if err != nil {
		return nil, undone(err)
	}
	defer conn.Release() // closes it unless it is idle and outside a transaction

	lookup := persist.NewLookup(ops)
	found, xact, err := lookUp(txCtx, conn.Conn(), lookup)
	if err != nil {
		endTransaction(ctx, conn)
		return nil, undone(err)
	}
	plan := persist.Settle(ops, lookup, found)
	if plan.Empty() {
		endTransaction(ctx, conn)
		return plan, nil
	}

	err = write(txCtx, conn.Conn(), plan, mode)
	switch {
	case err == nil:
		return plan, nil
	case definite(err):
		endTransaction(ctx, conn)
		return nil, undone(err)
	case mode == persist.TryOut, pgconn.SafeToRetry(err): // COMMIT was not sent
		return nil, undone(err)
	}
	_ = conn.Conn().PgConn().Conn().Close() // the server shall notice, too
	committed, err := s.outcome(ctx, xact, plan, err)
	if err != nil {
		return nil, err
	}
	if !committed {
		return nil, undone(errCut)
	}
	return plan, nil
}

// transactionTime is how long a transaction may take so that time is left to
// look its outcome up.
func transactionTime(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(transactionTimeout, time.Until(deadline)/2)
	}
	return transactionTimeout
}

// endTransaction rolls back, so that the connection can be used again. Where
// that fails, the pool closes it.
func endTransaction(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rollbackTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, rollback)
}
