package bench

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/caravan-chat/caravan/bench/wire"
)

// plan says when messages are sent and when it is measured, in ns since the run
// began. It exists once all connections are members; an interrupted run gets one
// that ends at once.
type plan struct {
	start       int64 // the first message
	measureFrom int64
	end         int64 // of sending and of measuring
}

// measures reports whether a moment is measured; never where there is no plan yet.
func (p *plan) measures(at int64) bool {
	return p != nil && at >= p.measureFrom && at < p.end
}

// pacer knows when a worker's senders have to send.
type pacer struct {
	senders  []int32    // indexes of connections, in the order in which they take turns
	schedule schedule   // of the open loop; nil: closed loop
	turn     float64    // of the next message in the schedule; workers begin at different parts of a turn, so as not to send together
	sent     int64      // how many are sent or given up, in the open loop
	random   *rand.Rand // of who acts when, where people do; nil: all in turn
	started  bool       // the closed loop has filled its windows
	paused   []pause    // senders that were refused, the earliest first
}

// pause is a sender of the closed loop that waits after a refusal.
type pause struct {
	until int64
	index int32
}

// newPacer makes that of the next worker of a run.
func newPacer(r *run, conns []conn) pacer {
	var p pacer
	for i := range conns {
		if conns[i].sender {
			p.senders = append(p.senders, int32(i))
		}
	}
	if r.cfg.open() && len(p.senders) > 0 {
		p.schedule = newSchedule(r.cfg, float64(len(p.senders))/float64(r.cfg.Senders))
		first := slices.MinFunc(conns, func(a, b conn) int { return cmp.Compare(a.id, b.id) }).id
		p.turn = float64(r.share.Index+r.share.Of*len(r.workers)) / float64(r.cfg.Workers*r.share.Of)
		if r.cfg.Scenario == Day {
			p.random = rand.New(rand.NewPCG(r.cfg.Seed+1, uint64(first)))
		}
		shuffle := rand.New(rand.NewPCG(r.cfg.Seed, uint64(first)))
		shuffle.Shuffle(len(p.senders), func(i, j int) { p.senders[i], p.senders[j] = p.senders[j], p.senders[i] })
	}
	return p
}

// due is when the open loop's next message is meant to be sent.
func (p *pacer) due(pl *plan) int64 {
	return pl.start + p.schedule.at(p.turn)
}

// next is when the pacer has to do something again; false: not before something else happens.
func (p *pacer) next(pl *plan) (int64, bool) {
	switch {
	case pl == nil || len(p.senders) == 0:
		return 0, false
	case p.schedule != nil:
		at := p.due(pl)
		return at, at < pl.end
	case !p.started:
		return pl.start, true
	case len(p.paused) > 0:
		return p.paused[0].until, true
	}
	return 0, false
}

// later lets a refused sender of the closed loop send again at a later time.
func (p *pacer) later(index int32, until int64) {
	if p.schedule == nil {
		p.paused = append(p.paused, pause{until, index})
	}
}

// sendDue sends what is due.
func (w *worker) sendDue(now int64) {
	pl := w.run.plan.Load()
	switch {
	case pl == nil || now < pl.start || len(w.pacer.senders) == 0:
	case w.pacer.schedule != nil:
		w.sendOpen(pl, now) // after the end, too: what was due before it and is late
	case !w.run.halted():
		w.sendClosed(now)
	}
}

// sendOpen sends by the schedule. A message whose time has passed is sent now
// and its latency still counts from when it was meant to be sent.
func (w *worker) sendOpen(pl *plan, now int64) {
	p := &w.pacer
	for at := p.due(pl); at <= now && at < pl.end; at = p.due(pl) {
		index := p.take()
		if w.run.cfg.Scenario == Day {
			w.act(index, at, now)
		} else {
			w.message(index, at, now)
		}
	}
}

// take says whose turn it is, and moves on. People act by chance: the time between what two
// of them do is distributed as if each thought for a while of its own.
func (p *pacer) take() (index int32) {
	if p.random != nil {
		p.turn += p.random.ExpFloat64()
		index = p.senders[p.random.IntN(len(p.senders))]
	} else {
		p.turn++
		index = p.senders[p.sent%int64(len(p.senders))]
	}
	p.sent++
	return index
}

// fillInFlight is how many messages are under way for each room that is filled.
const fillInFlight = 16

// fill lets the first member of each room send what shall be there before it is measured.
func (w *worker) fill(now int64) {
	if w.filled || !w.run.filling.Load() {
		return
	}
	w.filled = true
	for i := range w.conns {
		if c := &w.conns[i]; int(c.id) < w.run.cfg.Rooms {
			for range fillInFlight {
				w.next(c, now)
			}
		}
	}
}

// sendClosed fills the windows at the start, and goes on with senders that paused.
func (w *worker) sendClosed(now int64) {
	p := &w.pacer
	if !p.started {
		p.started = true
		for _, index := range p.senders {
			for range w.run.cfg.InFlight {
				w.next(&w.conns[index], now)
			}
		}
	}
	n := 0
	for ; n < len(p.paused) && p.paused[n].until <= now; n++ {
		w.next(&w.conns[p.paused[n].index], now)
	}
	p.paused = p.paused[:copy(p.paused, p.paused[n:])]
}

// next sends a closed-loop sender's next message.
func (w *worker) next(c *conn, now int64) {
	pl := w.run.plan.Load()
	if pl == nil { // the rooms are filled
		if int(c.told) < w.run.cfg.Prefill {
			c.told++
			w.message(c.index, now, now)
		}
		return
	}
	if w.pacer.schedule == nil && now < pl.end && !w.run.halted() {
		w.message(c.index, now, now)
	}
}

// message sends one message that was meant to be sent at a given time.
func (w *worker) message(index int32, meant, now int64) {
	c := &w.conns[index]
	if c.state != member {
		return
	}
	if len(c.out) > outBytesMax {
		w.unsent++
		return
	}
	stamp := w.stamp(c, meant)
	w.write(c, index, func(dst []byte) []byte { return w.run.template.Append(dst, stamp, c.room) })
	w.awaits(c, meant, now)
}

// stamp marks what a connection sends.
func (w *worker) stamp(c *conn, meant int64) wire.Stamp {
	c.lastStamp = max(meant, c.lastStamp+1)
	return wire.Stamp{Run: w.run.id, Conn: c.id, At: c.lastStamp}
}

// awaits counts what was sent and is to be answered.
func (w *worker) awaits(c *conn, meant, now int64) {
	c.outstanding++
	w.outstanding++
	w.sent++
	w.times.record(ofLag, meant, now-meant)
	if w.run.plan.Load().measures(meant) {
		record(w.lag, now-meant)
	}
}
