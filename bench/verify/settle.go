package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

const (
	settlePeriod = 250 * time.Millisecond // between two looks
	quietLooks   = 4                      // so often nothing may have changed
)

// settle waits until every op is settled and every member stands where its room
// does, or the time is up.
func (cr *crew) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cr.cfg.Settle)
	defer cancel()
	quiet, before := 0, cr.book.read()
	for quiet < quietLooks {
		select {
		case <-ctx.Done():
			return
		case <-time.After(settlePeriod):
		}
		now := cr.book.read()
		still := now.told == before.told && now.acked == before.acked && now.sent == before.sent
		before = now
		if still && cr.settled(ctx) {
			quiet++
		} else {
			quiet = 0
		}
	}
}

// settled reports whether nothing is on its way and all have seen all.
func (cr *crew) settled(ctx context.Context) bool {
	at := make([]int64, cr.cfg.Rooms)
	for _, m := range cr.members {
		m.mu.Lock()
		here, idle := m.at, len(m.pending) == 0 && len(m.settled) == 0 && !m.adrift && (m.sess != nil || m.habit == polling)
		m.mu.Unlock()
		if first := m.id < cr.cfg.Rooms; first {
			at[m.room] = here
		}
		if !idle || here != at[m.room] {
			return false
		}
	}
	for room, number := range at {
		p, err := cr.members[room].messages(ctx, fmt.Sprintf("since=%d&limit=1", number))
		if err != nil || len(p.Results) > 0 || p.Seq != number {
			return false
		}
	}
	return true
}

// noteTheEnd notes who is connected, and which attempts were never answered
// though their connections live on.
func (cr *crew) noteTheEnd() {
	for _, m := range cr.members {
		m.mu.Lock()
		if m.sess != nil || m.habit == polling {
			m.note(ledger.Record{Kind: ledger.Stays})
		}
		for _, ops := range []map[string]*op{m.pending, m.settled} {
			for _, o := range ops {
				m.noteSilence(o)
			}
		}
		m.mu.Unlock()
	}
}

// noteSilence notes the attempts of o that wait in vain. An edit that another
// one has superseded need not be told, so its silence means nothing.
func (m *member) noteSilence(o *op) {
	if m.sess == nil {
		return
	}
	kind := ledger.Silent
	if o.edits != nil && o.edits.rev > o.revBefore {
		kind = ledger.Cut
	}
	for range o.sentOn[m.sess] {
		m.note(ledger.Record{Kind: kind, Op: o.name})
	}
}

// watch tells progress each second until the function that it returns is called.
func (cr *crew) watch() func() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		began := time.Now()
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
				cr.progress(time.Since(began))
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

func (cr *crew) progress(since time.Duration) {
	if cr.cfg.Progress == nil {
		return
	}
	connected, pending := 0, 0
	for _, m := range cr.members {
		m.mu.Lock()
		if m.sess != nil {
			connected++
		}
		pending += len(m.pending)
		m.mu.Unlock()
	}
	stage := "act"
	if cr.acting.Err() != nil {
		stage = "settle"
	}
	c := cr.book.read()
	_, _ = fmt.Fprintf(cr.cfg.Progress, "%5.0fs  %-6s %5d connected  %6d sent %5d on their way %5d refused %5d cut %8d told %6d joins\n",
		since.Seconds(), stage, connected, c.sent, pending, c.refused, c.cut, c.told, c.joins) // progress is for people; a run goes on without
}
