package backplane

import (
	"context"
	"sync/atomic"
	"time"
)

// trouble keeps the last thing that failed, for the log.
type trouble struct{ last atomic.Pointer[error] }

// is takes note of an error; nil is none.
func (t *trouble) is(err error) {
	if err != nil {
		t.last.Store(&err)
	}
}

func (t *trouble) take() error {
	if err := t.last.Swap(nil); err != nil {
		return *err
	}
	return nil
}

// tellUnheard names in the log a node that is not heard, now and then.
func (b *Backplane) tellUnheard(now time.Duration) {
	const why = "they use another server of Redis, or another --redis-prefix; what they tell is read from the database"
	one, nodes := b.others.tell(now)
	switch {
	case one == nil:
	case b.Apart():
		b.log.Warn("this node does not hear the greater part of the nodes, and is not ready: "+why, "not heard", one.Name, "node", one.ID, "nodes", nodes)
	default:
		b.log.Warn("other nodes live and are not heard: "+why, "not heard", one.Name, "node", one.ID, "nodes", nodes)
	}
}

// watch tells the operator when notices stop to arrive and when they arrive
// again, once each, however many connections that concerns.
func (b *Backplane) watch(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	arrive := true
	since := b.now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch now := b.now(); {
		case b.Healthy() && !arrive:
			b.log.Info("notices between nodes arrive again", "after", (now - since).Round(time.Millisecond))
			arrive, since = true, now
			b.trouble.take()
		case b.carried(now) && b.Unheard() > 0:
			b.tellUnheard(now)
			if arrive {
				arrive, since = false, now
			}
		case !b.Healthy() && arrive && now > heartbeatLate: // at the start they need a moment
			b.log.Warn("notices between nodes do not arrive; what other nodes tell is read from the database", "error", b.trouble.take())
			arrive, since = false, now
		}
	}
}
