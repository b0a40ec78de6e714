package backplane

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
)

// Backplane implements room.Backplane over Redis. It is safe for concurrent use.
type Backplane struct {
	// Static after construction.
	cfg     Config
	options rueidis.ClientOption
	node    uuid.UUID
	started time.Time
	log     *slog.Logger
	ears    []*ear
	mouth   *mouth

	client  atomic.Pointer[rueidis.Client] // nil until Redis was reached
	sharded atomic.Bool                    // sharded publish/subscribe; set before client
	in      room.Inbound                   // set by Start
	stats   counters
	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ room.Backplane = (*Backplane)(nil)

// New checks the configuration. Redis is not looked for before Start, and need
// not be there then.
func New(cfg Config) (*Backplane, error) {
	options, err := clientOptions(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = prefixDefault
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Load == nil {
		cfg.Load = func() Load { return Load{} }
	}
	b := &Backplane{cfg: cfg, options: options, node: uuid.New(), started: time.Now(), log: cfg.Log}
	n := 1
	if b.cluster() {
		n = earsCluster
	}
	for i := range n {
		b.ears = append(b.ears, newEar(b, i))
	}
	b.mouth = newMouth(b)
	return b, nil
}

// Start begins to listen, for in, and to speak.
func (b *Backplane) Start(in room.Inbound) {
	ctx, stop := context.WithCancel(context.Background())
	b.in, b.stop = in, stop
	b.running.Go(func() { b.connect(ctx) })
}

// Close ends all connections and goroutines. What waits to be sent is sent first
// if Redis takes it at once.
func (b *Backplane) Close() {
	if b.stop == nil {
		return
	}
	b.mouth.flush(redisTimeout)
	b.stop()
	b.running.Wait()
	if c := b.client.Load(); c != nil {
		(*c).Close()
	}
}

// Node is this node's id, new at each start.
func (b *Backplane) Node() uuid.UUID { return b.node }

// Follow implements room.Backplane.
func (b *Backplane) Follow(in uuid.UUID) { b.ear(in).follow(in) }

// Unfollow implements room.Backplane. The subscription lingers, so that clients
// that come back soon do not make Redis work.
func (b *Backplane) Unfollow(in uuid.UUID) { b.ear(in).unfollow(in, time.Now()) }

// Publish implements room.Backplane.
func (b *Backplane) Publish(batch *room.Batch) {
	b.mouth.say(b.ear(batch.Room).channel(batch.Room), encodeEvents(b.node, batch), noticesMax)
}

// PublishTyping implements room.Backplane.
func (b *Backplane) PublishTyping(in, user uuid.UUID, frame []byte) {
	b.mouth.say(b.ear(in).channel(in), encodeTyping(b.node, in, user, frame), typingMax)
}

// Healthy implements room.Backplane: every ear has heard this node's own canary
// lately, so that what others say can be heard, too, and what this node says is
// carried.
func (b *Backplane) Healthy() bool {
	now := time.Now()
	for _, e := range b.ears {
		if !e.hears(now) {
			return false
		}
	}
	return true
}

func (b *Backplane) cluster() bool { return !b.options.ForceSingleClient }

// ear returns the one that listens for a room.
func (b *Backplane) ear(in uuid.UUID) *ear { return b.ears[int(in[14])%len(b.ears)] }

// connect makes the client as soon as Redis can be reached, and then runs
// everything that needs one.
func (b *Backplane) connect(ctx context.Context) {
	delay := backoffMin
	for {
		client, err := rueidis.NewClient(b.options)
		if err == nil {
			b.sharded.Store(b.cluster() && knowsShards(ctx, client))
			b.client.Store(&client)
			break
		}
		b.stats.connectErrors.Add(1)
		if delay == backoffMin {
			b.log.Warn("redis cannot be reached", "err", err)
		}
		if !sleep(ctx, delay) {
			return
		}
		delay = min(2*delay, backoffMax)
	}
	b.log.Info("redis is reached", "cluster", b.cluster(), "sharded", b.sharded.Load())
	for _, e := range b.ears {
		b.running.Go(func() { e.run(ctx) })
	}
	b.running.Go(func() { b.sing(ctx) })
	b.running.Go(func() { b.lease(ctx) })
	b.mouth.run(ctx)
}

// knowsShards asks whether a Redis Cluster has sharded publish/subscribe, which
// came with version 7.
func knowsShards(ctx context.Context, client rueidis.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	infos, err := client.Do(ctx, client.B().CommandInfo().CommandName("SSUBSCRIBE").Build()).ToArray()
	return err == nil && len(infos) == 1 && infos[0].IsArray()
}

// sing sends the canary to every ear, over the way that all notices take.
func (b *Backplane) sing(ctx context.Context) {
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		number := uint64(time.Since(b.started))
		for _, e := range b.ears {
			b.mouth.say(e.canary, encodeCanary(b.node, number), noticesMax)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// hear takes whatever came on a channel.
func (b *Backplane) hear(e *ear, payload string) {
	b.stats.received.Add(1)
	n, err := decode([]byte(payload))
	if err != nil {
		b.stats.notUnderstood(err)
		return
	}
	if n.node == b.node {
		if n.kind == noticeCanary {
			e.heard(time.Since(b.started) - time.Duration(n.number))
		}
		return
	}
	switch n.kind {
	case noticeEvents:
		b.in.Announce(n.batch)
	case noticeTyping:
		b.in.AnnounceTyping(n.room, n.user, n.frame)
	case noticeCanary: // another node's, misdirected
	}
}

// tag is the part of a name that decides its hash slot.
func (b *Backplane) tag(ear int) string {
	return fmt.Sprintf("{%s/%s}", b.cfg.Prefix, hex.EncodeToString([]byte{byte(ear)}))
}

// sleep waits and returns false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
