package presence

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Told is what those who watch a room are told of who is there. It never changes.
type Told struct {
	Room         uuid.UUID
	Number, Prev int64  // of this and of the one before: no two have the same number
	Whole        []byte // the frame for who knows nothing
	Change       []byte // the frame for who knows the one before
}

// Watcher passes on what it is told. Calls for one room come one at a time and in order, from
// any goroutine, while a lock is held: it never blocks or calls back. Where somebody has to be
// woken for it, it returns whom.
type Watcher interface{ TellPresence(*Told) Waker }

// Waker is who has to be woken to take what was queued.
type Waker interface{ Wake() }

// telling is what the watchers of a room are told.
type telling struct {
	watchers []Watcher
	told     *Told // nil: nothing yet, or nobody watched lately
	at       time.Time
	names    map[uuid.UUID]struct{} // whom they were told to be there; nil: how many alone
	crowded  time.Time              // since when there were too many to name
	partial  bool
}

// tellDue tells the watchers what they do not know, if it is time. It returns who is to be
// woken.
func (r *Room) tellDue(now time.Time) (wake []Waker) {
	t := &r.tell
	if !r.settle(now) || len(t.watchers) == 0 {
		return nil
	}
	partial, named := r.table.partial.Load(), r.named(now)
	switch {
	case t.told == nil:
	case !r.see.changed && partial == t.partial && named == (t.names != nil):
		return nil
	case t.partial && r.table.mending.Load():
		r.isDue()
		return nil
	}
	every := tellEvery
	if !named {
		every = countEvery
	}
	if t.told != nil && now.Sub(t.at) < every {
		r.isDue()
		return nil
	}
	if r.table.congested() {
		r.table.stats.leftOut.Add(1)
		r.isDue()
		return nil
	}
	told := r.makeTold(named, partial)
	r.see.changed = false
	if told == nil {
		return nil
	}
	t.told, t.at, t.partial = told, now, partial
	for _, w := range t.watchers {
		if waker := w.TellPresence(told); waker != nil {
			wake = append(wake, waker)
		}
	}
	return wake
}

// named decides whether users are named. That does not go to and fro: when there were too many
// it takes a while, and clearly fewer.
func (r *Room) named(now time.Time) bool {
	t, n, most := &r.tell, r.see.online(), r.table.cfg.List
	switch {
	case n > most || r.see.unnamed > 0:
		if t.crowded.IsZero() {
			t.crowded = now
		}
	case t.crowded.IsZero():
	case n <= max(most*9/10, min(most, 1)) && now.Sub(t.crowded) >= namesAfter:
		t.crowded = time.Time{}
	}
	return t.crowded.IsZero()
}

// makeTold makes the frames; nil where nothing is different.
func (r *Room) makeTold(named, partial bool) *Told {
	t := &r.tell
	told := &Told{Room: r.id, Number: r.table.numbers.Add(1)}
	if t.told != nil {
		told.Prev = t.told.Number
	}
	p := protocol.Presence{Room: r.id, Online: r.see.online(), Partial: partial}
	if !named {
		t.names = nil
		told.Whole = protocol.AppendPresence(nil, &p)
		told.Change = told.Whole
		if t.told != nil && bytes.Equal(told.Whole, t.told.Whole) {
			return nil
		}
		return told
	}
	change := p
	names := make(map[uuid.UUID]struct{}, len(r.see.all))
	for user := range r.see.all {
		names[user] = struct{}{}
		p.Users = append(p.Users, user)
		if _, known := t.names[user]; !known {
			change.Joined = append(change.Joined, user)
		}
	}
	for user := range t.names {
		if _, still := names[user]; !still {
			change.Left = append(change.Left, user)
		}
	}
	same := t.told != nil && t.names != nil && t.partial == partial
	if same && len(change.Joined)+len(change.Left) == 0 {
		return nil
	}
	t.names = names
	p.Full = true
	sortIDs(p.Users, change.Joined, change.Left)
	told.Whole = protocol.AppendPresence(nil, &p)
	told.Change = told.Whole
	if same {
		told.Change = protocol.AppendPresence(nil, &change)
	}
	return told
}

func sortIDs(lists ...[]uuid.UUID) {
	for _, ids := range lists {
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	}
}
