package backplane

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// lease tells the others every now and then that this node is alive, until ctx
// ends; then it takes the node off the list. It returns errReadOnly where the
// server turns out to be a replica.
func (b *Backplane) lease(ctx context.Context, client rueidis.Client) error {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := b.hold(ctx, client); err != nil {
				return err
			}
		case <-ctx.Done():
			b.leave(context.WithoutCancel(ctx), client)
			return ctx.Err()
		}
	}
}

// hold renews the lease. Its only error is errReadOnly, where the server is a
// replica: what is published there does not reach the nodes that follow the
// master. Any other failure is counted; notices may flow even so.
func (b *Backplane) hold(ctx context.Context, client rueidis.Client) error {
	err := b.guard.Run("lease", func() error { return b.renew(ctx, client) })
	if refused, ok := rueidis.IsRedisErr(err); ok && strings.HasPrefix(refused.Error(), "READONLY") {
		return errReadOnly
	}
	if err != nil && ctx.Err() == nil {
		b.stats.leaseErrors.Add(1)
		b.trouble.is(cause("lease", err))
	}
	return nil
}

// renew writes this node's entry and its lease.
func (b *Backplane) renew(ctx context.Context, client rueidis.Client) error {
	id := b.node.String()
	entry, err := json.Marshal(Node{ID: id, Name: b.cfg.Name, Version: b.cfg.Version, Started: b.started.UTC(), Timeline: b.cfg.Primary.Timeline(), Load: b.cfg.Load()})
	if err != nil {
		return err
	}
	return b.both(ctx, client,
		client.B().Set().Key(b.names.node(id)).Value(rueidis.BinaryString(entry)).Ex(leaseTime).Build(),
		client.B().Sadd().Key(b.names.nodes()).Member(id).Build())
}

// leave takes this node off the list; where that fails its lease ends by itself.
func (b *Backplane) leave(ctx context.Context, client rueidis.Client) {
	id := b.node.String()
	_ = b.both(ctx, client,
		client.B().Srem().Key(b.names.nodes()).Member(id).Build(),
		client.B().Del().Key(b.names.node(id)).Build())
}

func (b *Backplane) both(ctx context.Context, client rueidis.Client, cmds ...rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	for _, result := range client.DoMulti(ctx, cmds...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}
