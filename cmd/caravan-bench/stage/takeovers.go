package stage

import (
	"context"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// takeovers tells the ledger when a standby has taken over, which servers must know of
// it, and when the former primary was ended. Begin is of the account, the others are of
// the database's part.
type takeovers struct {
	stage *Stage
	pair  *pair

	mu    sync.Mutex
	noted func(ledger.Record) // nil: the account has not begun, or there is none
	count int                 // fail-overs so far

	watch sync.WaitGroup
	end   context.CancelFunc // of the watch over who must know of the last fail-over; nil: none
}

// knowAfter is how long a server may go on as before where it hears another one that
// reaches the new primary.
const knowAfter = 5 * time.Second

// begin takes the account's way to note something.
func (t *takeovers) begin(note func(ledger.Record)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noted = note
}

// note notes something, unless a fault comes before the account.
func (t *takeovers) note(r ledger.Record) {
	t.mu.Lock()
	noted := t.noted
	t.mu.Unlock()
	if noted != nil {
		noted(r)
	}
}

// promoted notes that the standby took over, and begins to watch which servers must
// know of it.
func (t *takeovers) promoted() {
	t.count++
	t.note(ledger.Record{Kind: ledger.Promoted, FailOver: t.count})
	ctx, cancel := context.WithCancel(context.Background())
	t.end = cancel
	failOver := t.count
	for i := range t.stage.nodes {
		t.watch.Go(func() { t.awaitKnown(ctx, i, failOver) })
	}
}

// awaitKnown notes when a server has heard the others for so long that it must know.
func (t *takeovers) awaitKnown(ctx context.Context, node, failOver int) {
	const period = 50 * time.Millisecond
	for since := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(period):
		}
		switch {
		case !t.hears(node):
			since = time.Now()
		case time.Since(since) > knowAfter:
			t.note(ledger.Record{Kind: ledger.Known, Node: node + 1, FailOver: failOver})
			return
		}
	}
}

// hears reports whether a server hears another one that reaches the new primary.
func (t *takeovers) hears(node int) bool {
	s := t.stage
	if s.redis == nil || !s.redis.calm() || !s.nodes[node].answers() || !s.network.whole(node, toRedis, nil) {
		return false
	}
	for other := range s.nodes {
		if other != node && s.nodes[other].answers() && s.network.whole(other, toRedis, nil) && s.network.whole(other, toDatabases, t.pair.server) {
			return true
		}
	}
	return false
}

// unwatch ends the watch: the former primary is about to be ended.
func (t *takeovers) unwatch() {
	if t.end == nil {
		return
	}
	t.end()
	t.watch.Wait()
	t.end = nil
}

// silenced notes that the former primary was ended.
func (t *takeovers) silenced() { t.note(ledger.Record{Kind: ledger.Over}) }
