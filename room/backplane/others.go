package backplane

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

// Nodes that use different servers of Redis, as after a failover that some have not seen,
// get their own heartbeats back, each from its own server, and hear nothing of one another.
// So each node also sends heartbeats to all. The database says which nodes live, and get
// their own heartbeats back: one of those that is not heard uses another server. What is
// no sign of it: a node that dies, stops, starts, or is cut off from Redis; silence in the
// rooms; a slow Redis.

// errUnheard ends a client: one that is made anew may find the server of the others.
var errUnheard = errors.New("other nodes live and are not heard")

// others are the nodes that the database knows of. Safe for concurrent use.
type others struct {
	mu      sync.Mutex
	nodes   map[uuid.UUID]*other // at most nodesMax
	unheard atomic.Int32         // how many of them are not heard
}

// other is one of them. Times are since the start of this node.
type other struct {
	since   time.Duration   // since when the database has known it
	heard   []time.Duration // by slot: when it was heard last
	numbers []uint64        // by slot: the number of its last heartbeat
	missed  time.Duration   // since when it is known not to be heard; zero: it is heard
}

// heard takes another node's heartbeat. One with a number that is not greater was
// repeated by somebody. Zero is none: the clocks of the two nodes differ too much.
func (o *others) heard(node uuid.UUID, slot int, number uint64, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x := o.nodes[node]; x != nil && (number == 0 || number > x.numbers[slot]) {
		x.heard[slot], x.numbers[slot] = now, max(number, x.numbers[slot])
	}
}

// look compares the nodes that live with those that are heard in all slots. Notices could
// have come since then.
func (o *others) look(live []uuid.UUID, slots int, since, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := make(map[uuid.UUID]*other, len(live))
	unheard := int32(0)
	for _, node := range live {
		x := o.nodes[node]
		if x == nil {
			x = &other{since: now, heard: make([]time.Duration, slots), numbers: make([]uint64, slots)}
		}
		known[node] = x
		last := slices.Min(x.heard)
		switch {
		case x.missed > 0 && last > x.missed:
			x.missed = 0
		case x.missed == 0 && now-max(last, x.since, since) > unheardAfter:
			x.missed = now
		}
		if x.missed > 0 {
			unheard++
		}
	}
	o.nodes = known
	o.unheard.Store(unheard)
}

// meet has the node say that it lives, to the others and in the database, and find those
// who are not heard, until ctx ends. It returns errUnheard after a while with some.
func (b *Backplane) meet(ctx context.Context, _ rueidis.Client) error {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	since, met, begun := b.now(), time.Duration(0), b.now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := b.now()
		if !b.carried(now) {
			since = now
		}
		if met != 0 && now-met < meetEvery {
			continue
		}
		met = now
		b.beatAll()
		if err := b.noteNode(ctx, since, now); err != nil {
			b.log.Debug("other nodes cannot be looked up", "error", err)
			continue // what is known of them stands
		}
		if b.others.unheard.Load() > 0 && now-begun > unheardRetry {
			return errUnheard
		}
	}
}

func (b *Backplane) beatAll() {
	for _, s := range b.slots {
		s.publisher.enqueue(s.all, b.keys.sign(encodeHeartbeat(b.node, uint64(b.now()))), noticesMax)
	}
}

func (b *Backplane) noteNode(ctx context.Context, since, now time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, meetTimeout)
	defer cancel()
	live, err := b.cfg.NoteNode(ctx, b.node, b.carried(now), liveFor, nodesMax)
	if err == nil {
		b.others.look(live, len(b.slots), since, now)
	}
	return err
}
