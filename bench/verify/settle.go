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

	// sweptWithin is when a summary that a killed server left due has been told: nodes look
	// every 5 s for what has been due for 30.
	sweptWithin = 40 * time.Second
)

// settle waits until every op is settled and every member stands where its room
// does; false: the time is up.
func (cr *crew) settle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, cr.cfg.Settle)
	defer cancel()
	quiet, before := 0, cr.book.read()
	for quiet < quietLooks {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(settlePeriod):
		}
		now := cr.book.read()
		still := now.told == before.told && now.acked == before.acked && now.sent == before.sent
		before = now
		if still && cr.settled(ctx) && cr.summarized(ctx) {
			quiet++
		} else {
			quiet = 0
		}
	}
	return true
}

// summarized reports whether every summary was told.
func (cr *crew) summarized(ctx context.Context) bool {
	if cr.cfg.Tables == nil {
		return cr.book.summarized(true)
	}
	due, err := cr.cfg.Tables.Due(ctx)
	return err == nil && due == 0 && cr.book.summarized(false)
}

// settled reports whether nothing is on its way and all have seen all.
func (cr *crew) settled(ctx context.Context) bool {
	heads := make([]int64, cr.cfg.Rooms)
	for _, m := range cr.members {
		if m.id < cr.cfg.Rooms {
			heads[m.room] = m.stand()
		}
		if m.unsettled(heads[m.room]) != "" {
			return false
		}
	}
	settled := true
	cr.js.each(func(m *jsMember) bool {
		settled = settled && m.unsettledJS(heads[m.room]) == ""
		return settled
	})
	if !settled {
		return false
	}
	for room, number := range heads {
		p, err := cr.members[room].messages(ctx, fmt.Sprintf("since=%d&limit=1", number))
		if err != nil || len(p.Results) > 0 || p.Seq != number {
			return false
		}
	}
	return true
}

func (m *member) stand() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// unsettled says what is missing until all of the member's ops are settled and it
// stands where its room does; empty: nothing.
func (m *member) unsettled(head int64) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.sess == nil && m.habit != polling:
		return "it is not connected"
	case m.many != nil && m.many.forgets.Load():
		return "its user lets a token end"
	case m.adrift:
		return fmt.Sprintf("it is still fetching pages after %d", m.at)
	case m.awaits != "" && m.role != m.awaits && m.sess != nil && m.sess.own:
		return fmt.Sprintf("its role is %s, and it was told of %s", m.awaits, m.role)
	case m.at != head:
		return fmt.Sprintf("it stands at %d, and its room at %d", m.at, head)
	}
	for _, ops := range []map[string]*op{m.pending, m.settled} {
		for _, o := range ops {
			// Another edit may have superseded one that waits; the ledger judges that.
			if o.kind != ledger.Edit || (o.edits.rev == o.revBefore && !o.edits.deleted) {
				return fmt.Sprintf("op %s is not settled, or not answered", o.name)
			}
		}
	}
	return ""
}

// noteUnsettled notes who is not as they should be, long after the last fault.
func (cr *crew) noteUnsettled(ctx context.Context) {
	heads := make([]int64, cr.cfg.Rooms)
	for room := range heads {
		var err error
		if heads[room], err = cr.members[room].roomNumber(ctx); err != nil {
			cr.members[room].note(ledger.Record{Kind: ledger.Unsettled, Code: "its room's number cannot be read: " + err.Error()})
		}
	}
	for _, m := range cr.members {
		if why := m.unsettled(heads[m.room]); why != "" {
			m.note(ledger.Record{Kind: ledger.Unsettled, Code: "not settled in time: " + why})
		}
	}
	cr.js.each(func(m *jsMember) bool {
		if why := m.unsettledJS(heads[m.room]); why != "" {
			m.note(ledger.Record{Kind: ledger.Unsettled, Code: "not settled in time: " + why})
		}
		return true
	})
}

// noteTheEnd notes who is connected, and which attempts were never answered
// though their connections live on.
func (cr *crew) noteTheEnd() {
	for _, m := range cr.members {
		m.mu.Lock()
		if m.sess != nil || m.habit == polling {
			m.note(ledger.Record{Kind: ledger.Stays})
		} else {
			m.note(ledger.Record{Kind: ledger.Away})
		}
		if m.sess != nil {
			m.noteSilence(m.sess)
		}
		m.mu.Unlock()
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
