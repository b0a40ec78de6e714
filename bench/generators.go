package bench

import (
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
)

// generators drive the connections of a run: this process's workers, or agents.
type generators interface {
	// begin lets the connections begin.
	begin() error

	// look says what has come about until now, and what it cost. It is safe for concurrent use.
	look() glance

	// tell passes on that a stage has begun, which the run itself knows already.
	tell(o order)

	// finish has all connections leave, waits for them, and returns what they found.
	finish() *yield
}

// glance is what generators have seen and spent at a moment.
type glance struct {
	seen   reading
	slept  []int64       // ns that each thread has waited; negative: it is no more
	self   time.Duration // processor time of the harness on this machine
	away   time.Duration // on others
	agents []told        // of each agent; nil: this process drives the connections
	recent []*slot       // times of the second that ended last, of each thread or agent; they never change
	lost   bool          // an agent is no more
}

// times are those of the second that ended last, of all.
func (g *glance) times() *slot {
	sum := new(slot)
	for _, s := range g.recent {
		sum.add(s)
	}
	return sum
}

// yield is what generators found in a whole run.
type yield struct {
	tally tally
	ends  []roomEnd // of each room
}

// roomEnd is where the members of a room stood in the end.
type roomEnd struct {
	last    int64 // the greatest number that one had seen
	sum     int64 // of all their numbers
	members int64 // that stayed
}

// add adds the members of another generator.
func (e *roomEnd) add(o roomEnd) {
	e.last = max(e.last, o.last)
	e.sum += o.sum
	e.members += o.members
}

// missing counts the events that members had not seen at the end though another one had.
func (y *yield) missing() (n int64) {
	for _, e := range y.ends {
		n += e.last*e.members - e.sum
	}
	return n
}

// add adds what another generator found.
func (y *yield) add(o *yield) {
	y.tally.add(&o.tally)
	for room, end := range o.ends {
		y.ends[room].add(end)
	}
}

// newYield holds nothing yet.
func (r *run) newYield() *yield {
	return &yield{tally: newTally(r.slotNS), ends: make([]roomEnd, r.cfg.Rooms)}
}

// crew are the workers of this process as generators.
type crew struct {
	run     *run
	running sync.WaitGroup
}

func (c *crew) begin() error {
	c.run.connectFrom = c.run.now()
	for _, w := range c.run.workers {
		c.running.Go(w.loop)
	}
	return nil
}

func (c *crew) look() glance {
	g := glance{seen: reading{halted: true}, self: proc.Self()}
	for _, w := range c.run.workers {
		w.meter.addTo(&g.seen)
		g.slept = append(g.slept, w.meter.slept.Load())
		if s := w.meter.recent.Load(); s != nil {
			g.recent = append(g.recent, s)
		}
	}
	return g
}

func (c *crew) tell(order) {}

func (c *crew) finish() *yield {
	c.run.byeBy.Store(c.run.now() + int64(byeMax))
	c.run.nudge()
	c.running.Wait()
	y := c.run.newYield()
	for _, w := range c.run.workers {
		y.tally.add(&w.tally)
		for i := range w.conns {
			if c := &w.conns[i]; c.stayed {
				y.ends[c.room].add(roomEnd{last: c.seq, sum: c.seq, members: 1})
			} else {
				y.ends[c.room].add(roomEnd{last: c.seq})
			}
		}
	}
	return y
}
