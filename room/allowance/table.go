package allowance

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Kind says what a meter of an allowance counts.
type Kind uint8

// The kinds.
const (
	Frames     Kind = iota // frames of all WebSockets, and writes over REST
	FrameBytes             // their bytes, before or after inflation, whichever are more
	RESTWrites             // writes over REST alone
	Reads                  // answers whose size follows what is stored
	ReadBytes              // their bytes
	Refusals               // answers that the user asks for too much; beyond it the user waits
	Kinds                  // how many there are
)

// Rates are what each user may spend, by Kind.
type Rates [Kinds]Rate

// The bounds of a Table. Allowances that somebody holds are bounded by the connections
// and calls that hold them. The others rest, until they are whole again and are
// forgotten. Where too many rest, the one that has rested longest is forgotten early,
// and its user begins anew: so many users never keep another one out.
const (
	shardCount  = 64
	restingsMax = 65_536 // allowances that rest
	forgetsMax  = 2      // allowances that one Return forgets; it adds one, so they do not grow
)

// Table has the allowances of the users of this node.
type Table struct {
	rates       atomic.Pointer[Rates]
	restingsMax int // in a shard
	shards      [shardCount]shard
	forgotten   atomic.Int64
}

type shard struct {
	mu      sync.Mutex
	users   map[uuid.UUID]*Allowance
	resting restings
}

// Allowance is what one user may spend.
type Allowance struct {
	table  *Table
	user   uuid.UUID
	meters [Kinds]Meter

	// Guarded by the shard's lock.
	holders      int32 // zero: it rests
	connections  int32 // of the holders, those that Enter has counted
	older, newer *Allowance
}

// New returns a table in which each user may spend the same.
func New(rates Rates) *Table {
	t := &Table{restingsMax: restingsMax / shardCount}
	t.SetRates(rates)
	for i := range t.shards {
		t.shards[i].users = make(map[uuid.UUID]*Allowance)
	}
	return t
}

// SetRates changes what each user may spend. What was spent before is made good by the new
// rates.
func (t *Table) SetRates(rates Rates) { t.rates.Store(&rates) }

func (t *Table) shard(user uuid.UUID) *shard { return &t.shards[user[15]%shardCount] }

// Of returns the user's allowance. Whoever asked returns it.
func (t *Table) Of(user uuid.UUID) *Allowance {
	if t == nil {
		return nil
	}
	sh := t.shard(user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := sh.users[user]
	switch {
	case a == nil:
		a = &Allowance{table: t, user: user}
		sh.users[user] = a
	case a.holders == 0:
		sh.resting.remove(a)
	}
	a.holders++
	return a
}

// Return ends the use that one call of Of began. An allowance that nobody holds is
// forgotten once it is whole again.
func (a *Allowance) Return() {
	if a == nil {
		return
	}
	t := a.table
	now := time.Now()
	sh := t.shard(a.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if a.holders--; a.holders == 0 {
		sh.resting.add(a)
	}
	for range forgetsMax {
		sh.forget(t, now)
	}
}

// Enter counts a connection of the user, unless there are so many already; zero: no limit. It is
// asked between Of and Return, when a connection begins.
func (a *Allowance) Enter(most int) bool {
	sh := a.table.shard(a.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if most > 0 && int(a.connections) >= most {
		return false
	}
	a.connections++
	return true
}

// Leave undoes an Enter that returned true. It returns true where the user has no other
// connection.
func (a *Allowance) Leave() (last bool) {
	sh := a.table.shard(a.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a.connections--
	return a.connections == 0
}

// forget forgets who has rested longest, if that allowance is whole again, or if too
// many rest.
func (sh *shard) forget(t *Table, now time.Time) {
	a := sh.resting.oldest
	if a == nil {
		return
	}
	if !a.whole(now) {
		if sh.resting.n <= t.restingsMax {
			return
		}
		t.forgotten.Add(1)
	}
	sh.resting.remove(a)
	delete(sh.users, a.user)
}

// whole says whether nothing of the allowance is spent.
func (a *Allowance) whole(now time.Time) bool {
	at := int64(now.Sub(epoch))
	for i := range a.meters {
		if rested := a.meters[i].rested.Load(); rested != 0 && rested > at {
			return false
		}
	}
	return true
}

// Take spends cost units of a kind, or says how long it is until that is allowed.
func (a *Allowance) Take(k Kind, cost int, now time.Time) (ok bool, wait time.Duration) {
	if a == nil {
		return true, 0
	}
	return a.meters[k].Take(a.table.rates.Load()[k], cost, now)
}

// Charge spends cost units of a kind, whether that is allowed or not.
func (a *Allowance) Charge(k Kind, cost int, now time.Time) {
	if a != nil {
		a.meters[k].Charge(a.table.rates.Load()[k], cost, now)
	}
}

// Wait returns how long it is until one unit of a kind is allowed; zero: it is now.
func (a *Allowance) Wait(k Kind, now time.Time) time.Duration {
	if a == nil {
		return 0
	}
	return a.meters[k].Wait(a.table.rates.Load()[k], now)
}

// Stats are figures of a Table.
type Stats struct {
	Users     int   // known now
	Forgotten int64 // users whose allowance was forgotten before it was whole, since the start
}

// Stats returns the present figures. Of a nil Table they are zero.
func (t *Table) Stats() (st Stats) {
	if t == nil {
		return st
	}
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		st.Users += len(sh.users)
		sh.mu.Unlock()
	}
	st.Forgotten = t.forgotten.Load()
	return st
}
