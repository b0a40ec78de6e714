package backplane

import (
	"context"
	"log/slog"
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
	timer := time.NewTimer(p.next/2 + rand.N(p.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// outage tells the operator when something breaks and when it works again, and
// not of each attempt between.
type outage struct {
	log         *slog.Logger
	broke, back string
	since       time.Time // zero: it works
}

func (o *outage) goesOn(err error) {
	if o.since.IsZero() {
		o.since = time.Now()
		o.log.Warn(o.broke, "err", err)
	}
}

func (o *outage) over() {
	if o.since.IsZero() {
		return
	}
	o.log.Info(o.back, "after", time.Since(o.since).Round(time.Millisecond))
	o.since = time.Time{}
}
