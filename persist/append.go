package persist

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// ErrConflict says that the database undid a transaction in favour of another
// one (deadlock, serialization failure, busy file): it may be run again at once.
var ErrConflict = errors.New("conflict with another transaction")

// DataError says that the database undid a transaction because it cannot keep
// what some op holds. Running it again with the same ops fails again.
type DataError struct {
	Refusal *protocol.Error // what the sender is told if the op at fault is alone
	Room    bool            // it is its room that cannot go on: all ops in it are refused
	Err     error           // the database's own words
}

// RoomError is the DataError of a number that a message of the room has already:
// somebody set the room's last_seq back. Once that is mended, the room goes on.
func RoomError(err error) *DataError {
	return &DataError{Refusal: protocol.ErrUnavailable, Room: true, Err: err}
}

// Error returns the database's own words.
func (e *DataError) Error() string { return "data refused: " + e.Err.Error() }

// Unwrap returns the database's error.
func (e *DataError) Unwrap() error { return e.Err }

// Transaction is a store's part of Append: one transaction that locks and looks
// up what NewLookup asks for, settles, writes, and commits (or, to try the ops
// out, does all that short of the commit and rolls back). After nil the plan is
// committed. An error that wraps room.ErrOutcomeUnknown means that the outcome
// of the commit could not be found out; after any other error, nothing of it is
// stored or ever will be. ErrConflict and DataError say what to do next.
type Transaction func(ctx context.Context, ops []*room.Op, mode Mode) (*Plan, error)

// Mode says how a Transaction ends.
type Mode bool

// The modes of a Transaction.
const (
	Commit Mode = true
	TryOut Mode = false // roll back at the end, deferred constraints checked
)

// Conflicts are run again this often, with a random pause that grows up to
// conflictPauseMax, before the batch counts as not stored.
const (
	conflictRuns     = 8
	conflictPauseMax = 100 * time.Millisecond
)

// Append implements the part of room.Store.Append that all stores share. The
// ops of the batch keep their order. Nothing is concluded before the commit, so
// an error speaks of the whole batch.
func Append(ctx context.Context, batch []*room.Op, run Transaction) error {
	refusals := make(map[*room.Op]*protocol.Error)
	ops := make([]*room.Op, 0, len(batch))
	for _, op := range batch {
		if err := screen(op); err != nil {
			refusals[op] = err
			continue
		}
		ops = append(ops, op)
	}

	plan, err := &Plan{}, error(nil)
	for proven := 0; len(ops) > 0; {
		plan, err = attempt(ctx, ops, Commit, run)
		var data *DataError
		if !errors.As(err, &data) {
			break
		}
		poison, failure, tryErr := findPoison(ctx, ops, proven, data, run)
		if tryErr != nil {
			err = tryErr
			break
		}
		if last := len(ops) - 1; poison == last && proven < last {
			// Nothing was refused when it was tried out, and the last op was not tried: what was
			// wrong may have passed, as it does when a sender is deleted after the look-up.
			proven = last
			continue
		}
		bad, kept := ops[poison], ops[:0]
		proven, plan, err = 0, &Plan{}, nil
		for i, op := range ops {
			switch {
			case op == bad, failure.Room && op.Room == bad.Room:
				refusals[op] = failure.Refusal
				if !ruleOf(op).unasked || failure.Room || op.Err != nil {
					continue
				}
				op.Err = failure.Refusal // so that it is settled as given up
			case i < poison:
				proven++
			}
			kept = append(kept, op)
		}
		ops = kept
	}
	if err != nil {
		if errors.Is(err, room.ErrOutcomeUnknown) || errors.Is(err, room.ErrNotStored) {
			return err
		}
		return fmt.Errorf("%w: %w", room.ErrNotStored, err)
	}

	plan.Conclude()
	for op, refusal := range refusals {
		op.Outcome, op.Message, op.Err = room.Refused, nil, refusal
	}
	return nil
}

// attempt runs a transaction, again after each conflict.
func attempt(ctx context.Context, ops []*room.Op, mode Mode, run Transaction) (*Plan, error) {
	pause := time.Millisecond
	for n := 1; ; n++ {
		plan, err := run(ctx, ops, mode)
		if !errors.Is(err, ErrConflict) || n == conflictRuns {
			return plan, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(rand.N(pause)):
		}
		pause = min(2*pause, conflictPauseMax)
	}
}

// findPoison returns the index of the first op that the database refuses, and how, given
// that it refuses ops as a whole with failure and takes ops[:proven]. It tries
// out prefixes, since an op may be at fault only together with one before it:
// each step halves what is left.
func findPoison(ctx context.Context, ops []*room.Op, proven int, failure *DataError, run Transaction) (int, *DataError, error) {
	good, bad := proven, len(ops) // ops[:good] is taken, ops[:bad] is refused
	for bad-good > 1 {
		middle := good + (bad-good)/2
		_, err := attempt(ctx, ops[:middle], TryOut, run)
		var data *DataError
		switch {
		case err == nil:
			good = middle
		case errors.As(err, &data):
			bad, failure = middle, data
		default:
			return 0, nil, err
		}
	}
	return bad - 1, failure, nil
}
