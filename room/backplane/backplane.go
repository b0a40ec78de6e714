package backplane

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/contain"
)

// Backplane implements room.Backplane over Redis. It is safe for concurrent use.
type Backplane struct {
	// Static after construction.
	cfg     Config
	options rueidis.ClientOption
	names   names
	node    uuid.UUID
	started time.Time
	log     *slog.Logger
	guard   *contain.Guard
	slots   []*slot
	keys    *keyRing
	hints   *hints

	inbound   room.Inbound // set by Start
	stop      context.CancelFunc
	running   sync.WaitGroup
	stats     counters
	trouble   trouble
	strangers strangers
	doubted   doubted
	others    others
	leases    leases
	noting    failing           // owned by meet
	keying    failing           // owned by renewKey
	asks      chan chan<- error // for notePrimary: who wants to know what Redis says
}

var _ room.Backplane = (*Backplane)(nil)

// New checks the configuration. Redis is not looked for before Start, and need
// not be there then.
func New(cfg Config) (*Backplane, error) {
	options, names, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Load == nil {
		cfg.Load = func() Load { return Load{} }
	}
	if cfg.Primary == nil {
		cfg.Primary = noPrimary{}
	}
	if cfg.LookUp == nil {
		cfg.LookUp = func(context.Context) ([]byte, error) { return cfg.Secret, nil }
	}
	if cfg.NoteNode == nil {
		cfg.NoteNode = func(context.Context, room.Neighbour, time.Duration, int) ([]room.Neighbour, error) { return nil, nil }
	}
	keys, err := newKeyRing(cfg.Secret, cfg.Deployment, names)
	if err != nil {
		return nil, err
	}
	b := &Backplane{
		cfg: cfg, options: options, names: names, node: newNode(cfg.Deployment), started: time.Now(), log: cfg.Log,
		keys: keys, hints: newHints(), asks: make(chan chan<- error),
	}
	b.guard = contain.New("backplane", cfg.Log)
	n := 1
	if b.cluster() {
		n = clusterSlots
	}
	for i := range n {
		b.slots = append(b.slots, newSlot(b, i))
	}
	return b, nil
}

// Start begins to receive, for in, and to publish. It is called once, before any
// room is followed.
func (b *Backplane) Start(in room.Inbound) {
	ctx, stop := context.WithCancel(context.Background())
	b.inbound, b.stop = in, stop
	b.running.Go(func() { b.lasting(ctx, "client", b.run) })
	b.running.Go(func() { b.lasting(ctx, "health", b.watch) })
	b.running.Go(func() { b.lasting(ctx, "key", b.renewKey) })
	b.running.Go(func() { b.lasting(ctx, "hints", b.followHints) })
}

// Close ends all connections and goroutines. What waits to be sent is sent first
// if Redis takes it at once; a Redis that hangs holds Close up for some seconds.
func (b *Backplane) Close() {
	if b.stop == nil {
		return
	}
	deadline := time.Now().Add(redisTimeout)
	for _, s := range b.slots {
		s.publisher.flush(deadline)
	}
	b.stop()
	b.running.Wait()
}

// Node is this node's id, new at each start. It begins with what all nodes of the
// deployment have in common.
func (b *Backplane) Node() uuid.UUID { return b.node }

// Follow implements room.Backplane.
func (b *Backplane) Follow(roomID uuid.UUID) { b.slot(roomID).subscriber.follow(roomID) }

// Unfollow implements room.Backplane. The subscription lingers, so that clients
// that come back soon do not make Redis work.
func (b *Backplane) Unfollow(roomID uuid.UUID) {
	b.slot(roomID).subscriber.unfollow(roomID, time.Now())
}

// Publish implements room.Backplane.
func (b *Backplane) Publish(batch *room.Batch) {
	if s := b.slot(batch.Room); s.publisher.open() {
		s.publisher.enqueue(s.channel(batch.Room), b.keys.sign(encodeEvents(b.node, batch)), noticesMax)
	}
}

// PublishNotice implements room.Backplane.
func (b *Backplane) PublishNotice(n *room.Notice) {
	if s := b.slot(n.Room); s.publisher.open() {
		s.publisher.enqueue(s.channel(n.Room), b.keys.sign(encodeNotice(b.node, n)), lossyMax)
	}
}

// Healthy implements room.Backplane: every subscriber has lately received this
// node's own heartbeat, and those of all nodes that live. So what others publish can be
// expected to arrive, and what this node publishes to be carried.
func (b *Backplane) Healthy() bool { return b.carried(b.now()) && b.Unheard() == 0 }

// Unheard returns how many nodes live, as the database knows, get their own heartbeats
// back, and are not heard: they use another server of Redis, or another prefix.
func (b *Backplane) Unheard() int {
	unheard, _ := b.others.state()
	return unheard
}

// Apart says that this node and those that it hears are fewer than the nodes that it
// does not hear; of two equal parts the one is apart in which no node has been
// running longest. So it is more likely than the others to use the wrong server.
func (b *Backplane) Apart() bool {
	_, apart := b.others.state()
	return apart
}

// Carried says whether this node's own heartbeats come back.
func (b *Backplane) Carried() bool { return b.carried(b.now()) }

// carried is Carried at a time.
func (b *Backplane) carried(now time.Duration) bool {
	for _, s := range b.slots {
		if !s.subscriber.alive(now) {
			return false
		}
	}
	return true
}

func (b *Backplane) cluster() bool { return !b.options.ForceSingleClient }

// slot returns the one that a room belongs to, the same on every node.
func (b *Backplane) slot(roomID uuid.UUID) *slot { return b.slots[int(roomID[14])%len(b.slots)] }

// now is the time since the start: steps of the machine's clock do not touch it.
func (b *Backplane) now() time.Duration { return time.Since(b.started) }

// cause adds what failed to an error, once for each layer.
func cause(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
