package persist

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowReadsLeaveConnectionsToOthers takes as many shares as there are, and gives them
// back.
func TestSlowReadsLeaveConnectionsToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ connections, missed, besides int }{{4, 2, 3}, {8, 6, 7}, {2, 1, 1}, {1, 1, 1}} {
			s := NewShares(c.connections)
			take := func(share func(context.Context) (func(), error)) (done []func()) {
				for {
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					one, err := share(ctx)
					cancel()
					if err != nil {
						if !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
						return done
					}
					done = append(done, one)
				}
			}
			for range 2 {
				missed := take(s.Missed)
				besides := take(s.Besides)
				if len(missed) != c.missed || len(missed)+len(besides) != c.besides {
					t.Errorf("of %d connections %d read missed events, and %d all", c.connections, len(missed), len(missed)+len(besides))
				}
				for _, done := range append(missed, besides...) {
					done()
				}
			}
		}
	})
}
