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
			b.log.Debug("redis cannot be used", "err", err)
			pause.wait(ctx)
		}
	}
}

// session is the life of one client. It ends with ctx, or when the client proves
// useless in a way that connections made anew do not mend.
func (b *Backplane) session(ctx context.Context, client rueidis.Client) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer client.Close()
	if err := b.hold(ctx, client); err != nil {
		return err
	}
	var parts sync.WaitGroup
	for _, s := range b.slots {
		parts.Go(func() { end(s.subscriber.run(ctx, client)) })
		parts.Go(func() { s.publisher.run(ctx, client) })
	}
	parts.Go(func() { b.heartbeats(ctx) })
	parts.Go(func() { end(b.lease(ctx, client)) })
	parts.Wait()
	return context.Cause(ctx)
}

// heartbeats sends the heartbeat of every slot again and again.
func (b *Backplane) heartbeats(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, s := range b.slots {
				b.beat(s)
			}
		case <-ctx.Done():
			return
		}
	}
}
