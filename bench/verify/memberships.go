package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// In each room up to two users lose their membership now and then, and get it back: one who has
// a connection for this room, and one who has one for all rooms, which lives on. The next one loses
// it when as much time has passed as a session lasts on average, and gets it back a part of that
// time after the sessions have ended.
const (
	outsidePart   = 5
	outsidePeriod = 20 * time.Millisecond // between two looks whether sessions have ended
)

// stay is whether a member's user is a member of the room. The member's lock guards it.
type stay struct {
	wavers bool      // the user loses the membership during the run. Static once the fleet lives
	doubt  bool      // the user may be none
	gone   time.Time // since when the user is none for sure; zero: that is not sure
	back   time.Time // since when the user is one again
}

// mayBeOutside reports whether the user may have been no member at some time since.
func (s *stay) mayBeOutside(since time.Time) bool { return s.doubt || s.back.After(since) }

// isOutside reports whether the user was none at any time since.
func (s *stay) isOutside(since time.Time) bool { return !s.gone.IsZero() && since.After(s.gone) }

// outside reports whether the member's user may have been no member of the room at some time since.
func (m *member) outside(since time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stay.mayBeOutside(since)
}

// wavering are the members of one user in one room.
type wavering []*member

// chooseWavering picks whose membership is taken away and given back: not of who reads the room in
// the end, of who polls, or of whose role means something.
func (cr *crew) chooseWavering() (all []wavering) {
	type pair struct{ room, user int }
	of := map[pair]wavering{}
	var order []pair
	for _, m := range cr.members {
		p := pair{m.room, m.user}
		if of[p] == nil {
			order = append(order, p)
		}
		of[p] = append(of[p], m)
	}
	type choice struct {
		room   int
		shared bool
	}
	chosen := map[choice]bool{}
	for _, guests := range []bool{true, false} { // of many sockets rather those who have others
		for _, p := range order {
			w := of[p]
			c := choice{p.room, w[0].many != nil}
			if chosen[c] || c.shared && guests != (w[0].seat == noSeat) || !w.mayWaver(c.shared) {
				continue
			}
			chosen[c] = true
			for _, m := range w {
				m.stay.wavers = true
			}
			all = append(all, w)
		}
	}
	return all
}

// mayWaver reports whether nothing else depends on the members, which are all of one kind.
func (w wavering) mayWaver(shared bool) bool {
	for _, m := range w {
		if m.habit == polling || m.id < m.crew.cfg.Rooms || m.seat == changingSeat || m.seat == moderatorSeat || (m.many != nil) != shared {
			return false
		}
	}
	return true
}

// changeMemberships takes the membership of one user after another away, and gives it back.
func (cr *crew) changeMemberships(ctx, life context.Context, all []wavering) {
	for n := 0; len(all) > 0; n++ {
		w := all[n%len(all)]
		select {
		case <-ctx.Done():
			return
		case <-time.After(w[0].jitter(cr.cfg.Session)):
		}
		if w.remove(life) != nil {
			return // life is over
		}
		w.awaitEnd(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(w[0].jitter(cr.cfg.Session / outsidePart)):
		}
		if w.restore(life) != nil {
			return
		}
	}
}

// awaitEnd waits until all their sessions have ended. A server that lives looks at the latest when
// it would have to tell what was committed.
func (w wavering) awaitEnd(ctx context.Context) {
	crew := w[0].crew
	for until := time.Now().Add(crew.cfg.Answer + crew.cfg.Settle); ; {
		here := 0
		for _, m := range w {
			m.mu.Lock()
			if m.sess != nil {
				here++
				if time.Now().After(until) {
					m.note(ledger.Record{Kind: ledger.Unsettled, Code: fmt.Sprintf("it is in the room, and its user is no member since %v", time.Since(m.stay.gone))})
				}
			}
			m.mu.Unlock()
		}
		if here == 0 || time.Now().After(until) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(outsidePeriod):
		}
	}
}

func (w wavering) remove(ctx context.Context) error {
	w.note(ledger.Leaves, func(s *stay) { s.doubt = true })
	err := w.write(ctx, false)
	w.note(ledger.Gone, func(s *stay) { s.gone = time.Now() })
	return err
}

func (w wavering) restore(ctx context.Context) error {
	w.note(ledger.Returns, func(s *stay) { s.gone = time.Time{} })
	err := w.write(ctx, true)
	w.note(ledger.Back, func(s *stay) { s.doubt, s.back = false, time.Now() })
	return err
}

// note changes what the members know, in one moment with the account.
func (w wavering) note(kind ledger.Kind, change func(*stay)) {
	for _, m := range w {
		m.mu.Lock()
		change(&m.stay)
	}
	w[0].note(ledger.Record{Kind: kind, Sender: w[0].userID})
	for _, m := range w {
		m.mu.Unlock()
	}
}

// write writes whether the user is a member, until it stands.
func (w wavering) write(ctx context.Context, is bool) error {
	m := w[0]
	_, err := retry(ctx, func() (struct{}, error) {
		return struct{}{}, m.crew.cfg.Tables.SetMember(ctx, fleet.Trip(m.room), fleet.User(m.user), ordinary, is)
	})
	return err
}
