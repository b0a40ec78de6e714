package persist

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/room"
)

// TestLimitsBoundEachPart: all runs of a transaction share the time up to the commit,
// and each commit that is cut has its own for the outcome.
func TestLimitsBoundEachPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimits(room.Within{Commit: 5 * time.Second, Outcome: 15 * time.Second})
		begun := time.Now()
		for range 2 {
			ctx, cancel := l.UpToCommit(t.Context())
			<-ctx.Done()
			cancel()
			if took := time.Since(begun); took != 5*time.Second {
				t.Errorf("the transaction is given up after %v", took)
			}
		}
		begun = time.Now()
		ctx, cancel := l.ForOutcome(t.Context())
		defer cancel()
		<-ctx.Done()
		if took := time.Since(begun); took != 15*time.Second {
			t.Errorf("the search ends after %v", took)
		}
	})
}

func TestNoLimitsBoundNothing(t *testing.T) {
	for name, bound := range map[string]func(Limits) bool{
		"up to the commit": func(l Limits) bool {
			ctx, cancel := l.UpToCommit(t.Context())
			defer cancel()
			_, bound := ctx.Deadline()
			return bound
		},
		"outcome": func(l Limits) bool {
			ctx, cancel := l.ForOutcome(t.Context())
			defer cancel()
			_, bound := ctx.Deadline()
			return bound
		},
	} {
		if bound(NewLimits(room.Within{})) {
			t.Errorf("%s: bounded", name)
		}
	}
}
