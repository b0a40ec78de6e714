package memory

import (
	"context"
	"log/slog"
	"runtime"
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
	lookEvery    = 100 * time.Millisecond
	collectEvery = time.Second     // a collection is dear: where one was just made, the look waits for the next
	shedEvery    = 5 * time.Second // what was shed is free only when its clients are gone
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
	w.inUse.Store(inUse())
	w.running.Go(func() { w.run(ctx) })
	return w
}

// Close ends the watch. What it refused stays refused.
func (w *Watch) Close() {
	w.stop()
	w.running.Wait()
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
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		was := state.short
		shed := state.look(time.Now(), inUse, runtime.GC)
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
	collected time.Time // the last time
	shed      time.Time // the last time
}

// look takes what is in use, and returns how much is to be shed. How much of it is
// garbage shows only after a collection, so nothing is decided before one.
func (p *pressure) look(now time.Time, inUse func() int64, collect func()) (shed int64) {
	p.inUse = inUse()
	high, low := p.limit/100*shortShare, p.limit/100*enoughShare
	if !p.short && p.inUse < high || now.Sub(p.collected) < collectEvery {
		return 0
	}
	p.collected = now
	collect()
	p.inUse = inUse()
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

// inUse returns the bytes that Go uses and cannot give away: objects, garbage
// included, and what is kept besides the heap.
func inUse() int64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(samples)
	bytes := int64(samples[0].Value.Uint64())
	for _, s := range samples[1:] {
		bytes -= int64(s.Value.Uint64())
	}
	return bytes
}
