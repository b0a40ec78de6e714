package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// Append implements room.Store. Without limits it ends, too: a transaction is given up
// after 10 s, and the search for the outcome of a commit that was cut after
// room.OutcomeWait more.
func (s *Store) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	limits := persist.NewLimits(within)
	err := persist.Append(ctx, batch, func(ctx context.Context, ops []*room.Op, mode persist.Mode) (*persist.Plan, error) {
		return s.transaction(ctx, ops, mode, limits)
	})
	if err == nil {
		s.odd.Behind(batch, func(id uuid.UUID) { _, _ = s.message(ctx, s.readers, id) })
	}
	return err
}

// transaction is a persist.Transaction within limits: it runs one, and where its
// COMMIT got no good answer it finds out what became of it.
func (s *Store) transaction(ctx context.Context, ops []*room.Op, mode persist.Mode, limits persist.Limits) (*persist.Plan, error) {
	plan, xact, err := s.run(ctx, ops, mode, limits)
	var cut *cutError
	if !errors.As(err, &cut) {
		return plan, err
	}
	s.writers.Reset() // nobody goes on but behind a barrier
	outcome, cancel := limits.ForOutcome(ctx)
	defer cancel()
	found, err := s.outcome(outcome, xact, plan, cut)
	switch {
	case err != nil:
		return nil, err
	case !found.committed:
		return nil, undone(cut)
	}
	stamp(ops, found.timeline)
	return plan, nil
}

// stamp notes on which timeline ops were stored, or found to be.
func stamp(ops []*room.Op, t room.Timeline) {
	for _, op := range ops {
		op.Timeline = t
	}
}

// cutError says that COMMIT may have been sent, and that no good answer came.
type cutError struct{ err error }

func (e *cutError) Error() string { return "no answer to the commit: " + e.err.Error() }
func (e *cutError) Unwrap() error { return e.err }

// run is one transaction on one connection. The order of its stages is the
// guarantee: rooms are locked, unless there are marks only, before anything is read, and nothing is settled for
// good before the server confirmed the COMMIT. With a cutError come the plan that
// was written and the transaction's number.
func (s *Store) run(ctx context.Context, ops []*room.Op, mode persist.Mode, limits persist.Limits) (plan *persist.Plan, xact uint64, err error) {
	bounded, cancel := limits.UpToCommit(ctx)
	defer cancel()
	txCtx, cancel := context.WithTimeout(bounded, s.wait.transaction)
	defer cancel()
	conn, err := s.writers.Acquire(txCtx)
	if err != nil {
		return nil, 0, undone(err)
	}
	defer func() {
		s.heed(ctx, conn, err)
		conn.Release() // closes it unless it is idle and outside a transaction
	}()

	lookup := persist.NewLookup(ops)
	if !lookup.MarksOnly {
		lookup.Quotas = s.Quotas()
	}
	if mode == persist.Commit && persist.IsPlainMessage(ops) && !lookup.Quotas.On() {
		plan, xact, err = express(txCtx, conn.Conn(), s.who, ops, lookup)
		if plan != nil {
			return s.finish(ctx, conn, ops, plan, xact, mode, sendCommit(txCtx, conn.Conn()))
		}
		endTransaction(ctx, conn)
		if err != nil {
			return nil, 0, undone(err)
		}
	}

	if mode == persist.Commit && s.keys.AreNew(len(lookup.Keys)) {
		lookup.KeysAreNew = true
		plan, xact, err = s.general(ctx, txCtx, conn, ops, lookup, mode)
		if !persist.Refuted(err) {
			return plan, xact, err
		}
		lookup.KeysAreNew = false // whether one was known is found now
	}
	return s.general(ctx, txCtx, conn, ops, lookup, mode)
}

// general is run for any batch, on a connection that it has. What is bounded is txCtx.
func (s *Store) general(ctx, txCtx context.Context, conn *pgxpool.Conn, ops []*room.Op, lookup *persist.Lookup, mode persist.Mode) (*persist.Plan, uint64, error) {
	found, xact, err := s.lookUp(txCtx, conn.Conn(), lookup)
	if err != nil {
		endTransaction(ctx, conn)
		return nil, 0, undoneLookUp(err)
	}
	if len(found.Known) > 0 {
		s.keys.Found()
	}
	plan := persist.Settle(ops, lookup, found)
	if lookup.KeysAreNew && plan.RefusesKey() {
		endTransaction(ctx, conn)
		return nil, 0, persist.ErrMayBeKnown
	}
	if plan.Empty() {
		endTransaction(ctx, conn)
		if len(found.Known) > 0 || plan.Confirms { // told as known now, so no less safe than what is stored
			if err := s.passBarrier(txCtx, conn.Conn()); err != nil {
				return nil, 0, undone(err)
			}
		}
		stamp(ops, identityOf(conn.Conn()).timeline)
		return plan, 0, nil
	}

	if len(plan.Inserts) >= copyRowsMin {
		if err := copyIn(txCtx, conn.Conn(), plan); err != nil {
			endTransaction(ctx, conn)
			return nil, 0, undone(err)
		}
	}
	return s.finish(ctx, conn, ops, plan, xact, mode, write(txCtx, conn.Conn(), plan, mode))
}

// finish says what it means for a transaction that its last round trip, the one
// with the COMMIT, returned err. That COMMIT was not sent is nothing to conclude from
// the driver's words: pgconn.SafeToRetry says so of some answers that were lost, too.
// Nor does it count what a server says that another primary has taken over from.
func (s *Store) finish(ctx context.Context, conn *pgxpool.Conn, ops []*room.Op, plan *persist.Plan, xact uint64, mode persist.Mode, err error) (*persist.Plan, uint64, error) {
	is := identityOf(conn.Conn())
	if err == nil {
		err = s.primary.superseded(is)
	}
	switch {
	case err == nil:
		stamp(ops, is.timeline)
		return plan, 0, nil
	case definite(err):
		endTransaction(ctx, conn)
		return nil, 0, undone(err)
	case mode == persist.TryOut:
		return nil, 0, undone(err)
	}
	_ = conn.Conn().PgConn().Conn().Close() // so that the server notices, too
	return plan, xact, &cutError{err}
}

// heed does what the failure of a transaction asks for beyond it.
func (s *Store) heed(ctx context.Context, conn *pgxpool.Conn, err error) {
	switch {
	case hasCode(err, codeReadOnly): // another server is the primary now, or will be
		s.writers.Reset()
		s.readers.Reset()
		s.bulk.Reset()
		s.probe.Reset()
	case hasCode(err, codeLockTimeout):
		endFrozen(ctx, conn)
	}
}

// endFrozen ends the session of a node that was stopped in the midst of a COPY, or of
// statements that it sends together, and holds a room that others wait for: no timeout of the server counts
// there, and the node's kernel answers for it. What fails is tried at the next wait.
func endFrozen(ctx context.Context, conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(ctx, rollbackTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, endSessionsWithin)
}

// endSessionsWithin takes for frozen whose transaction has been under way for as long as
// a silent one may be, and whom the server still waits for. Where that may be silent for ever, it is
// the default's time. Others of the same user may be the application's own.
const endSessionsWithin = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND usename = current_user AND application_name = current_setting('application_name')
	AND state = 'active' AND wait_event = 'ClientRead' AND xact_start < clock_timestamp() - coalesce(nullif(current_setting('idle_in_transaction_session_timeout')::interval, '0'), '3s')`

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
