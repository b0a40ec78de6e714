package backplane

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// Why a client is given up although it has connections.
var (
	errSilent   = errors.New("this node's own heartbeat does not come back")
	errReadOnly = errors.New("the server has become a replica")
)

// run makes a client, and again where that one proved useless, until ctx ends.
func (b *Backplane) run(ctx context.Context) {
	var pause backoff
	for ctx.Err() == nil {
		client, err := rueidis.NewClient(b.options)
		if err != nil {
			b.stats.connectErrors.Add(1)
		} else {
			begun := time.Now()
			err = b.session(ctx, client)
			pause.worked(time.Since(begun))
		}
		if ctx.Err() == nil {
			b.trouble.is(err)
			b.log.Debug("redis cannot be used", "error", err)
			pause.wait(ctx)
		}
	}
}

// session is the life of one client. It ends with ctx, when the client proves
// useless in a way that connections made anew do not mend, or when a part of it
// panicked: all parts begin anew with the next client.
func (b *Backplane) session(ctx context.Context, client rueidis.Client) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer client.Close()
	if err := b.hold(ctx, client); err != nil {
		return err
	}
	var parts sync.WaitGroup
	part := func(name string, run func(context.Context, rueidis.Client) error) {
		parts.Go(func() { end(b.guard.Run(name, func() error { return run(ctx, client) })) })
	}
	for _, s := range b.slots {
		part("subscriber", s.subscriber.run)
		part("publisher", s.publisher.run)
	}
	part("heartbeats", b.heartbeats)
	part("others", b.meet)
	part("primary", b.notePrimary)
	part("lease", b.lease)
	parts.Wait()
	return context.Cause(ctx)
}

// heartbeats sends the heartbeat of every slot again and again.
func (b *Backplane) heartbeats(ctx context.Context, _ rueidis.Client) error {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, s := range b.slots {
				b.beat(s)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
