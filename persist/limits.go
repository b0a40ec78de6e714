package persist

import (
	"context"
	"time"

	"github.com/caravan-chat/caravan/room"
)

// Limits are how long the transactions of one Append may take. They begin with
// NewLimits. The zero value has none.
type Limits struct {
	commitBy time.Time     // zero: no limit
	outcome  time.Duration // zero: no limit
}

// NewLimits returns the limits of an Append that is called now.
func NewLimits(within room.Within) Limits {
	l := Limits{outcome: within.Outcome}
	if within.Commit > 0 {
		l.commitBy = time.Now().Add(within.Commit)
	}
	return l
}

// UpToCommit bounds what a transaction does until its commit is on its way.
func (l Limits) UpToCommit(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.commitBy.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, l.commitBy)
}

// ForOutcome bounds the search for the outcome of a commit that was cut now.
func (l Limits) ForOutcome(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.outcome == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, l.outcome)
}
