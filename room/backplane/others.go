package backplane

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/caravan-chat/caravan/room"
)

// Nodes that use different servers of Redis, as after a failover that some have not seen,
// get their own heartbeats back, each from its own server, and hear nothing of one another.
// So each node also sends heartbeats to all. The database says which nodes live, and get
// their own heartbeats back: one of those that is not heard uses another server. What is
// no sign of it: a node that dies, stops, starts, or is cut off from Redis; silence in the
// rooms; a slow Redis.
//
// A node cannot know which of two is right. But one that strayed must not stop the
// others: of the nodes that live, those that are fewer are apart.

// errUnheard ends a client: one that is made anew may find the server of the others.
var errUnheard = errors.New("other nodes live and are not heard")

// others are the nodes that the database knows of. Safe for concurrent use.
type others struct {
	mu      sync.Mutex
	nodes   map[uuid.UUID]*other // at most nodesMax
	unheard int                  // how many of them are not heard
	apart   bool                 // this node is one of the fewer

	told    time.Duration // when the log was last told of one that is not heard; zero: never
	retried time.Duration // when a client was last ended because of them; zero: never
	pause   time.Duration // until the next time, where this node is not apart
}

// other is one of them. Times are since the start of this node, but for up.
type other struct {
	room.Neighbour
	seen    time.Duration   // when the database was last asked about it; Up is as of then
	since   time.Duration   // since when the database has known it
	heard   []time.Duration // by slot: when it was heard last
	numbers []uint64        // by slot: the number of its last heartbeat: for how long it was running then
	missed  time.Duration   // since when it is known not to be heard; zero: it is heard
	told    bool            // the log knows that it is not heard
}

// heard takes another node's heartbeat. One that is not younger than the last was repeated by
// somebody, as was one that is older than the node itself says, in the database: clocks
// have no part in it.
func (o *others) heard(node uuid.UUID, slot int, number uint64, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.nodes[node]
	if x == nil || number <= x.numbers[slot] {
		return
	}
	if x.Up > 0 && time.Duration(number) < x.Up+(now-x.seen)-unheardAfter {
		return
	}
	x.heard[slot], x.numbers[slot] = now, number
}

// look compares the nodes that live, the one that has been running longest first, with those
// that are heard in all slots. This node is one of them. Notices could have come since then.
func (o *others) look(live []room.Neighbour, self uuid.UUID, slots int, since, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := make(map[uuid.UUID]*other, len(live))
	with, unheard := 1, 0 // this node and those that it hears; the others
	first := false        // the one of all that has been running longest is with this node
	for i, node := range live {
		if node.ID == self {
			first = first || i == 0
			continue
		}
		x := o.nodes[node.ID]
		if x == nil {
			x = &other{since: now, heard: make([]time.Duration, slots), numbers: make([]uint64, slots)}
		}
		known[node.ID] = x
		x.Neighbour, x.seen = node, now
		if x.judge(since, now); x.missed > 0 {
			unheard++
			continue
		}
		with++
		first = first || i == 0
	}
	o.nodes = known
	o.unheard, o.apart = unheard, unheard > with || unheard == with && !first
}

// judge decides whether the node is heard.
func (x *other) judge(since, now time.Duration) {
	last := slices.Min(x.heard)
	switch {
	case x.missed > 0 && last > x.missed:
		x.missed, x.told = 0, false
	case x.missed == 0 && now-max(last, x.since, since) > unheardAfter:
		x.missed = now
	}
}

// state says how many are not heard, and whether this node is apart.
func (o *others) state() (unheard int, apart bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unheard, o.apart
}

// retry says whether to look for another server now, and takes it for done. Each time is a
// pause for the rooms. So a node that is not apart does it more and more rarely: others
// that come and go must not disturb it.
func (o *others) retry(now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	ago := now - o.retried
	if o.retried == 0 {
		ago = 2 * unheardRetryMax
	}
	if o.unheard == 0 || ago < unheardRetry || !o.apart && ago < o.pause {
		return false
	}
	if o.pause = min(2*o.pause, unheardRetryMax); o.pause == 0 || ago >= 2*unheardRetryMax {
		o.pause = unheardRetry
	}
	o.retried = now
	return true
}

// tell returns a node for the log that is not heard, and how many there are: each once, and one
// again after a while; a line a minute at most. Nil: there is nothing to tell now.
func (o *others) tell(now time.Duration) (tell *room.Neighbour, unheard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unheard == 0 || o.told != 0 && now-o.told < unheardTold {
		return nil, 0
	}
	again := now-o.told >= unheardToldAgain
	var one *other
	for _, x := range o.nodes {
		if x.missed > 0 && (again || !x.told) && (one == nil || x.missed < one.missed) {
			one = x
		}
	}
	if one == nil {
		return nil, 0
	}
	one.told, o.told = true, now
	told := one.Neighbour
	return &told, o.unheard
}

// meet has the node say that it lives, to the others and in the database, and find those
// who are not heard, until ctx ends. It returns errUnheard now and then while there are some.
func (b *Backplane) meet(ctx context.Context, _ rueidis.Client) error {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	since, met := b.now(), time.Duration(0)
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
		if b.noteNode(ctx, since, now) && b.others.retry(now) { // otherwise what is known of them stands
			return errUnheard
		}
	}
}

func (b *Backplane) beatAll() {
	for _, s := range b.slots {
		s.publisher.enqueue(s.all, b.keys.sign(encodeHeartbeat(b.node, uint64(b.now()))), noticesMax)
	}
}

// noteNode says whether the database could be asked. Where it cannot, one that uses another
// server of Redis is not found: the log says so now and then.
func (b *Backplane) noteNode(ctx context.Context, since, now time.Duration) bool {
	ask, cancel := context.WithTimeout(ctx, meetTimeout)
	defer cancel()
	live, err := b.cfg.NoteNode(ask, room.Neighbour{ID: b.node, Name: b.cfg.Name, Up: b.now(), Carried: b.carried(now)}, liveFor, nodesMax)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		b.stats.noteErrors.Add(1)
	} else {
		b.others.look(live, b.node, len(b.slots), since, now)
	}
	switch tell, failures, lasted := b.noting.is(err, now); {
	case tell && err != nil:
		b.log.Warn("this node cannot be noted in chat_nodes, nor can others be looked up there: one that uses another Redis or --redis-prefix is not noticed",
			"error", err, "failures", failures, "for", lasted.Round(time.Second))
	case tell:
		b.log.Info("nodes are noted and looked up in chat_nodes again", "failures", failures, "after", lasted.Round(time.Second))
	}
	return err == nil
}
