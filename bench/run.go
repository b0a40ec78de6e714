package bench

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/wire"
)

const (
	byeMax      = 3 * time.Second        // for all to say goodbye
	settleTime  = 500 * time.Millisecond // after the connects, before the server is measured
	startAhead  = 50 * time.Millisecond  // so that every worker knows the plan before it begins
	watchPeriod = 10 * time.Millisecond  // of whoever waits for the workers
)

// run is one run: what all workers share.
type run struct {
	// static after construction
	cfg             *Config
	share           share // of this process; the whole where agents drive the connections
	gens            generators
	period          time.Duration // between two looks of whoever waits
	nodes           []node
	id              uint32 // in every stamp
	key             [4]byte
	template        *wire.Template
	began           time.Time
	slotNS          int64   // of a timeline, and between two looks at everything
	connectFrom     int64   // when the first connection may begin; set before workers run
	connectInterval float64 // ns between two connections of one worker
	handshakesMax   int     // of one worker
	workers         []*worker

	connectTook time.Duration // until all were members; owned by the goroutine of Run

	members []atomic.Int32 // connections in each room
	filling atomic.Bool    // the rooms get their first messages
	proven  atomic.Bool    // a connection has become a member
	plan    atomic.Pointer[plan]
	halt    atomic.Bool // nothing more becomes due

	restarting atomic.Bool  // the server is being restarted
	serverPID  atomic.Int64 // its process, where it may be restarted; zero: not known
	short      atomic.Bool  // an agent is lost, so that the run ends early
	byeBy      atomic.Int64 // when goodbyes end; zero: not yet time to say any
	failure    atomic.Pointer[error]
}

// Run makes one run and reports it. The error says why it could not be made;
// the report of what was seen until then may come with it. Ending ctx ends the
// sending early; the report says so. It always returns within the times that the
// configuration gives.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	r, err := open(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	o := newObserver(r)
	if err := o.before(); err != nil {
		r.abandon()
		return nil, err
	}
	if err := r.gens.begin(); err != nil {
		r.abandon()
		return nil, err
	}
	stopProgress := o.watch()
	r.stages(ctx, o)
	found := r.gens.finish()
	stopProgress()
	if err := r.failure.Load(); err != nil {
		return nil, *err
	}
	return o.report(found, ctx.Err() != nil), nil
}

// open makes a run whose connections are this process's own, or those of agents.
func open(ctx context.Context, cfg *Config) (*run, error) {
	r, err := newRun(cfg, cfg.shareOf(0, 1))
	if err != nil {
		return nil, err
	}
	if len(cfg.Agents) > 0 {
		return r, r.callAgents(ctx)
	}
	return r, r.hire()
}

// newRun makes a run that has no generators yet.
func newRun(cfg *Config, mine share) (*run, error) {
	at := mine.Of // generators that connect at one time
	if cfg.NodesInTurn {
		at = min(at, agentsAtOnce)
	}
	r := &run{
		cfg:             cfg,
		share:           mine,
		period:          watchPeriod,
		slotNS:          int64(slotWidth(cfg.budget())),
		connectInterval: 1e9 * float64(cfg.Workers*at) / float64(cfg.ConnectRate),
		handshakesMax:   max(cfg.Handshakes/cfg.Workers/at, 1),
		members:         make([]atomic.Int32, cfg.Rooms),
	}
	if err := r.findNodes(); err != nil {
		return nil, err
	}
	r.serverPID.Store(int64(cfg.ServerPID))
	var random [8]byte
	if _, err := crand.Read(random[:]); err != nil {
		return nil, err
	}
	r.id, r.key = binary.BigEndian.Uint32(random[:4]), [4]byte(random[4:])
	r.began = time.Now()
	return r, nil
}

// hire makes the workers for this process's share of the connections.
func (r *run) hire() error {
	if err := proc.RaiseDescriptors(r.share.seats(r.cfg) + descriptorsSpare); err != nil {
		return err
	}
	r.template = r.cfg.template(r.key)
	for _, conns := range r.seats() {
		w, err := newWorker(r, conns)
		if err != nil {
			r.abandon()
			return err
		}
		r.workers = append(r.workers, w)
	}
	r.gens = &crew{run: r}
	r.began = time.Now()
	return nil
}

// content is what every message of the run says: letters, no two runs of seeds alike.
func content(seed uint64, size int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	random := rand.New(rand.NewPCG(seed, 0))
	p := make([]byte, size)
	for i := range p {
		p[i] = letters[random.IntN(len(letters))]
	}
	return string(p)
}

// stages leads the workers through the run. It returns when it is time to leave.
func (r *run) stages(ctx context.Context, o *observer) {
	if !r.connectAll(ctx) {
		return
	}
	r.pause(ctx, settleTime)
	o.connected()
	if r.cfg.Joined != nil {
		r.cfg.Joined()
	}
	r.fillRooms(ctx)
	start := r.now() + int64(startAhead)
	from := start + int64(r.cfg.Warmup)
	pl := &plan{start: start, measureFrom: from, end: from + int64(r.cfg.Duration)}
	r.plan.Store(pl)
	r.gens.tell(order{Do: doPlan, Plan: r.fromNow(pl)})
	r.pause(ctx, time.Duration(pl.measureFrom-r.now()))
	o.measureFrom()
	r.restart(ctx, o)
	r.pause(ctx, time.Duration(pl.end-r.now()))
	if r.now() < pl.end { // before halt, so that who has seen that sends by this plan
		pl = &plan{start: pl.start, measureFrom: pl.measureFrom, end: r.now()}
		r.plan.Store(pl)
		r.gens.tell(order{Do: doPlan, Plan: r.fromNow(pl)})
	}
	r.halt.Store(true)
	r.gens.tell(order{Do: doHalt})
	o.measureTo()
	r.drain()
	o.drained()
}

// connectAll waits until every connection is a member; false if that did not come about.
func (r *run) connectAll(ctx context.Context) bool {
	deadline := r.began.Add(r.cfg.ConnectTimeout)
	for now := r.gens.look(); now.seen.ready < int64(r.cfg.Connections); now = r.gens.look() {
		switch {
		case r.failed():
			return false
		case ctx.Err() != nil:
			r.unjoined(&now)
			r.fail(fmt.Errorf("interrupted when %d of %d connections were made", now.seen.ready, r.cfg.Connections))
			return false
		case time.Now().After(deadline):
			r.unjoined(&now)
			r.fail(fmt.Errorf("only %d of %d connections were let in within %v", now.seen.ready, r.cfg.Connections, r.cfg.ConnectTimeout.Round(time.Second)))
			return false
		case now.lost:
			r.fail(errAgentLost)
			return false
		}
		time.Sleep(r.period)
	}
	r.connectTook = time.Duration(r.now())
	return true
}

// unjoined tells that not all connections are made, before they end.
func (r *run) unjoined(now *glance) {
	if r.cfg.Unjoined != nil {
		r.cfg.Unjoined(now.seen.ready)
	}
}

// fillRooms lets each room get its first messages, and waits until they are acknowledged.
func (r *run) fillRooms(ctx context.Context) {
	want := int64(r.cfg.Prefill) * int64(r.cfg.Rooms)
	if want == 0 {
		return
	}
	r.filling.Store(true)
	r.gens.tell(order{Do: doFill})
	for deadline := time.Now().Add(r.cfg.ConnectTimeout); ctx.Err() == nil && !r.failed(); time.Sleep(r.period) {
		if now := r.gens.look(); now.seen.acked+now.seen.refused >= want || now.lost {
			return
		}
		if time.Now().After(deadline) {
			r.fail(fmt.Errorf("the rooms did not get their first %d messages each within %v", r.cfg.Prefill, r.cfg.ConnectTimeout.Round(time.Second)))
		}
	}
}

// drain waits until every message is answered and every delivery has arrived,
// but not for ever.
func (r *run) drain() {
	deadline := time.Now().Add(r.cfg.Drain)
	for time.Now().Before(deadline) && !r.failed() {
		if r.settled() {
			if r.cfg.Scenario == Day {
				time.Sleep(summariesLate)
			}
			return
		}
		time.Sleep(r.period)
	}
}

// settled reports whether every message is answered and every delivery has arrived, or
// everybody is back. What was on its way to a connection that was cut does not arrive.
func (r *run) settled() bool {
	g := r.gens.look()
	now := g.seen
	if g.lost { // what it was to answer and to get does not come any more
		return true
	}
	arrived := now.received >= now.expected
	if r.cfg.returns() {
		arrived = now.cut == now.returned || r.cfg.Scenario == History
	}
	return now.halted && now.outstanding == 0 && arrived
}

// pause waits, or until ctx ends, the run fails or an agent is lost.
func (r *run) pause(ctx context.Context, d time.Duration) {
	deadline := time.Now().Add(d)
	for ctx.Err() == nil && !r.failed() && !r.short.Load() {
		left := time.Until(deadline)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, watchPeriod))
	}
}

// now is the time since the run began, in ns.
func (r *run) now() int64 { return int64(time.Since(r.began)) }

func (r *run) halted() bool { return r.halt.Load() }
func (r *run) failed() bool { return r.failure.Load() != nil }

// fail ends the run; the first reason counts.
func (r *run) fail(err error) {
	r.failure.CompareAndSwap(nil, &err)
	r.nudge()
}

// nudge has all workers of this process look what they are to do, who may wait for long. Safe from any goroutine.
func (r *run) nudge() {
	for _, w := range r.workers {
		w.alarm.ring()
	}
}

// abandon frees the workers of a run that never began, or lets its agents go.
func (r *run) abandon() {
	if a, ok := r.gens.(*agents); ok {
		a.close()
	}
	for _, w := range r.workers {
		w.close()
	}
}
