package backplane

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is a pause that grows from attempt to attempt. The zero value begins
// with the shortest one.
type backoff struct{ next time.Duration }

// worked begins anew where what the pause follows had lasted for a while.
func (p *backoff) worked(lasted time.Duration) {
	if lasted > backoffReset {
		p.next = 0
	}
}

// wait pauses, or returns when ctx ends. The pauses of nodes that lost the same
// Redis differ, so that they do not all come back at one instant.
func (p *backoff) wait(ctx context.Context) {
	p.next = min(max(2*p.next, backoffMin), backoffMax)
	pause(ctx, p.next/2+rand.N(p.next/2))
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
