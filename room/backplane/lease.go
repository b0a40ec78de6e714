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
// server turns out to be a replica: what is published there does not reach the
// nodes that follow the master.
func (b *Backplane) lease(ctx context.Context, client rueidis.Client) error {
	outage := outage{log: b.log, broke: "redis does not take this node's lease", back: "redis takes this node's lease again"}
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		err := b.renew(ctx, client)
		if refused, ok := rueidis.IsRedisErr(err); ok && strings.HasPrefix(refused.Error(), "READONLY") {
			return errReadOnly
		}
		if err == nil {
			outage.over()
		} else if ctx.Err() == nil {
			b.stats.leaseErrors.Add(1)
			outage.goesOn(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.leave(context.WithoutCancel(ctx), client)
			return ctx.Err()
		}
	}
}

// renew writes this node's entry and its lease.
func (b *Backplane) renew(ctx context.Context, client rueidis.Client) error {
	id := b.node.String()
	entry, err := json.Marshal(Node{ID: id, Name: b.cfg.Name, Version: b.cfg.Version, Started: b.started.UTC(), Load: b.cfg.Load()})
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
