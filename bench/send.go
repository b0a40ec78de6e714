package bench

import (
	"math/rand/v2"

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
	senders  []int32 // indexes of connections, in the order in which they take turns
	interval float64 // ns between two messages of this worker in the open loop; zero: closed loop
	phase    float64 // where in the interval this worker begins, so that workers do not send together
	sent     int64   // how many are sent or given up, in the open loop
	started  bool    // the closed loop has filled its windows
	paused   []pause // senders that were refused, the earliest first
}

// pause is a sender of the closed loop that waits after a refusal.
type pause struct {
	until int64
	index int32
}

func newPacer(r *run, conns []conn) pacer {
	var p pacer
	for i := range conns {
		if conns[i].sender {
			p.senders = append(p.senders, int32(i))
		}
	}
	if r.cfg.Rate > 0 && len(p.senders) > 0 {
		share := r.cfg.Rate * float64(len(p.senders)) / float64(r.cfg.Senders)
		p.interval = 1e9 / share
		p.phase = p.interval * float64(conns[0].id) / float64(r.cfg.Workers)
		shuffle := rand.New(rand.NewPCG(r.cfg.Seed, uint64(conns[0].id)))
		shuffle.Shuffle(len(p.senders), func(i, j int) { p.senders[i], p.senders[j] = p.senders[j], p.senders[i] })
	}
	return p
}

// due is when the open loop's next message is meant to be sent.
func (p *pacer) due(pl *plan) int64 {
	return pl.start + int64(p.phase+float64(p.sent)*p.interval)
}

// next is when the pacer has to do something again; false: not before something else happens.
func (p *pacer) next(pl *plan) (int64, bool) {
	switch {
	case pl == nil || len(p.senders) == 0:
		return 0, false
	case p.interval > 0:
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
	if p.interval == 0 {
		p.paused = append(p.paused, pause{until, index})
	}
}

// sendDue sends what is due.
func (w *worker) sendDue(now int64) {
	pl := w.run.plan.Load()
	switch {
	case pl == nil || now < pl.start || len(w.pacer.senders) == 0:
	case w.pacer.interval > 0:
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
		index := p.senders[p.sent%int64(len(p.senders))]
		p.sent++
		w.message(index, at, now)
	}
}

// sendClosed fills the windows at the start, and goes on with senders that paused.
func (w *worker) sendClosed(now int64) {
	p := &w.pacer
	if !p.started {
		p.started = true
		for _, index := range p.senders {
			for range w.run.cfg.InFlight {
				w.message(index, now, now)
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
	if pl := w.run.plan.Load(); w.pacer.interval == 0 && now < pl.end && !w.run.halted() {
		w.message(w.indexOf(c), now, now)
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
	c.lastStamp = max(meant, c.lastStamp+1)
	stamp := wire.Stamp{Run: w.run.id, Conn: c.id, At: c.lastStamp}
	w.write(c, index, func(dst []byte) []byte { return w.run.template.Append(dst, stamp) })
	c.outstanding++
	w.outstanding++
	w.sent++
	if w.run.plan.Load().measures(meant) {
		record(w.lag, now-meant)
	}
}
