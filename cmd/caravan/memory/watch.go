package memory

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// Where memory is short, in percent of the limit, and where it is not any more.
const (
	shortShare  = 85
	enoughShare = 70
)

const (
	lookEvery    = 50 * time.Millisecond // where memory may be short before the next but one
	lookSeldom   = time.Second / 2       // at the least
	fillRate     = 2 << 30               // bytes a second, more than a server takes in
	collectEvery = time.Second           // a collection is dear: where one was just made, the look waits for the next
	shedEvery    = 5 * time.Second       // what was shed is free only when its clients are gone
)

// Server does what saves memory. Its methods do not wait, and come from one goroutine.
type Server interface {
	// ShortOfMemory says whether new work is to be refused.
	ShortOfMemory(yes bool)
	// Shed is to free about so many bytes of what waits for slow clients.
	Shed(bytes int64)
}

// Watch looks after the memory of a server, on a goroutine of its own.
type Watch struct {
	limit  int64
	server Server
	log    *slog.Logger

	own   *os.File // what the kernel says of this process; nil: it does not
	inUse atomic.Int64
	short atomic.Bool
	sheds atomic.Int64

	stop    context.CancelFunc
	running sync.WaitGroup
}

// NewWatch begins to look. Close ends it.
func NewWatch(limit Limit, server Server, log *slog.Logger) *Watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &Watch{limit: limit.Bytes, server: server, log: log, stop: stop}
	w.own, _ = os.Open("/proc/self/statm") // another kernel has none
	w.inUse.Store(w.look().now)
	w.running.Go(func() { w.run(ctx) })
	return w
}

// Close ends the watch. What it refused stays refused.
func (w *Watch) Close() {
	w.stop()
	w.running.Wait()
	_ = w.own.Close() // it was read
}

// Stats are figures of a Watch.
type Stats struct {
	BytesMax, BytesNow int64
	ShortNow           bool
	Sheds              int64 // times when clients were shed, since the start
}

// Stats returns the present figures. It is safe for concurrent use.
func (w *Watch) Stats() Stats {
	return Stats{BytesMax: w.limit, BytesNow: w.inUse.Load(), ShortNow: w.short.Load(), Sheds: w.sheds.Load()}
}

func (w *Watch) run(ctx context.Context) {
	state := pressure{limit: w.limit}
	var calm calm
	calmed := time.Now()
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-next.C:
		}
		was := state.short
		shed := state.look(now, w.look, runtime.GC)
		w.inUse.Store(state.inUse)
		if state.short != was {
			w.short.Store(state.short)
			w.server.ShortOfMemory(state.short)
			w.tell(&state)
		}
		if shed > 0 {
			w.sheds.Add(1)
			w.server.Shed(shed)
		}
		if now.Sub(calmed) >= calmEvery {
			calmed = now
			switch calm.look(lookAtHeap()) {
			case dueStormed:
				runtime.GC() // what a sync.Pool keeps goes with the second collection
				fallthrough
			case dueCalm:
				debug.FreeOSMemory() // collects, too
			case notDue:
			}
		}
		next.Reset(state.pause())
	}
}

// tell logs that memory became short, or is not any more.
func (w *Watch) tell(state *pressure) {
	if state.short {
		w.log.Warn("memory is short: new clients and reads are refused, and the slowest clients closed", "in_use", state.inUse, "limit", w.limit)
	} else {
		w.log.Info("memory is not short any more", "in_use", state.inUse, "limit", w.limit)
	}
}

// pressure decides from what is in use whether memory is short.
type pressure struct {
	limit     int64
	short     bool
	inUse     int64
	cycles    uint64    // collections, as of the last look
	collected time.Time // the last time
	shed      time.Time // the last time
}

// pause is how long until the next look: half of what it takes to fill what is free, so that a
// server that is far from its limit is not woken again and again.
func (p *pressure) pause() time.Duration {
	free := max(0, p.limit/100*shortShare-p.inUse)
	return min(max(time.Duration(free/2/(fillRate/1000))*time.Millisecond, lookEvery), lookSeldom)
}

// usage is what is in use: garbage included, and without what the last collection has not
// found alive.
type usage struct {
	now, alive int64
	cycles     uint64 // collections so far
}

// look takes what is in use, and returns how much is to be shed. How much of it is
// garbage shows only after a collection, so nothing is decided before one. Near its limit
// Go collects by itself, again and again: then those count.
func (p *pressure) look(now time.Time, look func() usage, collect func()) (shed int64) {
	u := look()
	p.inUse = u.now
	high, low := p.limit/100*shortShare, p.limit/100*enoughShare
	collected := u.cycles > p.cycles
	p.cycles = u.cycles
	if !p.short && p.inUse < high {
		return 0
	}
	switch {
	case collected:
		p.inUse = u.alive
	case now.Sub(p.collected) < collectEvery:
		return 0
	default:
		collect()
		u = look()
		p.inUse = u.now
	}
	p.collected, p.cycles = now, u.cycles
	switch {
	case p.short && p.inUse < low:
		p.short = false
	case p.inUse >= high:
		p.short = true
		if now.Sub(p.shed) >= shedEvery {
			p.shed = now
			return p.inUse - low
		}
	}
	return 0
}

// look returns what is in use and cannot be given away: Go's objects and what it keeps
// besides the heap, and what others in the process have taken from the kernel, as SQLite
// does.
func (w *Watch) look() usage {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	of := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	mapped := of(0) - of(1)
	now := mapped - of(2) - of(3) + max(0, w.anonymous()-mapped)
	return usage{now: now, alive: now - max(0, of(4)-of(5)), cycles: samples[6].Value.Uint64()}
}

// anonymous returns how much memory the process has that belongs to no file; zero where
// the kernel does not say it.
func (w *Watch) anonymous() int64 {
	if w.own == nil {
		return 0
	}
	var text [256]byte
	n, _ := w.own.ReadAt(text[:], 0) // io.EOF, as it has less
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(text[:n]), &size, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}
