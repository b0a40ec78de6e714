package bench

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// comebacks are the connections of a worker that ended and shall come back, in their order.
type comebacks struct {
	waiting []comeback
	next    float64 // when the next one may begin, at the pace of all connections
	cut     bool    // the storm has begun
	away    int     // of the worker's connections, those that it has gone through; some a turn, so that nobody who sends is kept waiting
}

type comeback struct {
	index     int32
	notBefore int64
}

// How long a connection waits that the server did not let in again. After some tries it is twice as long each time, as
// with clients of people: thousands that try each moment keep a machine busy on which a server is to start.
const (
	failedPause    = 100 * time.Millisecond
	failedPauseMax = 5 * time.Second
	patientTries   = 10 // of failedPause each
)

// pause is how long it waits after another failure.
func (c *conn) pause() time.Duration {
	if c.failures < 255 {
		c.failures++
	}
	return min(failedPause<<min(max(int(c.failures)-patientTries, 0), 10), failedPauseMax)
}

// due is when the next one comes back; false: nobody wants to.
func (b *comebacks) due() (int64, bool) {
	if len(b.waiting) == 0 {
		return 0, false
	}
	return max(int64(b.next), b.waiting[0].notBefore), true
}

// take takes the next one out.
func (b *comebacks) take(at int64, interval float64) (index int32) {
	index = b.waiting[0].index
	b.waiting = b.waiting[1:]
	b.next = max(b.next, float64(at)) + interval
	return index
}

// cutBurst is how many connections are cut in one turn of a worker.
const cutBurst = 128

// cutAll begins the storm, or the coming and going, when it is time.
func (w *worker) cutAll(now int64) {
	pl := w.run.plan.Load()
	switch {
	case w.cutting():
	case w.back.cut || pl == nil || now < pl.measureFrom || !w.run.cfg.returns():
		return
	default:
		w.back.cut = true
	}
	if !w.cutting() {
		return
	}
	from := w.back.away
	w.back.away = min(from+cutBurst, len(w.conns))
	for i := from; i < w.back.away; i++ {
		c := &w.conns[i]
		if c.state == member && c.outstanding == 0 && (!c.sender || w.run.cfg.Scenario == History) {
			w.sendAway(c, now)
		}
	}
}

// cutting reports whether connections are still to be cut.
func (w *worker) cutting() bool {
	// Where the server ends them, or there is no storm, only whom the server ends comes back.
	return w.back.cut && w.run.cfg.Scenario.cuts() && w.run.cfg.Restart == nil && w.back.away < len(w.conns)
}

// sendAway ends a member's connection as a lost network does, and lets it come back.
func (w *worker) sendAway(c *conn, now int64) {
	w.cut++
	w.comeBack(c, now)
}

// comeBack lets a connection that ends begin again.
func (w *worker) comeBack(c *conn, notBefore int64) {
	w.closeConn(c)
	w.unknown += int64(c.outstanding) // stored or not: who comes back does not ask
	c.state, c.returning, c.outstanding, c.wantsWrite = waiting, true, 0, false
	w.back.waiting = append(w.back.waiting, comeback{c.index, notBefore})
}

// comesBack reports whether a connection that ends now shall come back.
func (w *worker) comesBack() bool {
	return w.run.cfg.returns() && w.back.cut && !w.left
}

// isBack counts a connection that came back.
func (w *worker) isBack(c *conn, now int64) {
	w.returned++
	c.failures = 0
	w.lastReturn = now
	if w.firstReturn == 0 {
		w.firstReturn = now
	}
	record(w.comingBack, now-c.began)
	w.times.record(ofReturn, c.began, now-c.began)
	if pl := w.run.plan.Load(); w.run.cfg.Scenario == History && now < pl.end && !w.run.halted() {
		w.sendAway(c, now)
	}
}

// failed ends the run, or lets the connection try again where others come back, too.
func (w *worker) failed(c *conn, err error) {
	if !w.comesBack() {
		w.run.fail(err)
		return
	}
	w.failures++
	w.comeBack(c, w.run.now()+int64(c.pause()))
}

// ReturnPart is about connections that ended and came back, from when each was meant to
// begin to its history.
type ReturnPart struct {
	Cut       int64   `json:"cut"` // by the harness, or ended by the server
	Back      int64   `json:"back"`
	Failures  int64   `json:"failures"` // that the server did not let in, and that tried again
	FirstS    float64 `json:"first_s"`  // until the first one was back
	TookS     float64 `json:"took_s"`   // until the last one was back
	PerSecond float64 `json:"per_second"`
	Latency   Latency `json:"latency"`
}

// comingBack draws up who came back; nil where nobody was to.
func (r *run) comingBack(total *tally) *ReturnPart {
	pl := r.plan.Load()
	if total.cut == 0 || pl == nil {
		return nil
	}
	took := max(float64(total.lastReturn-pl.measureFrom)/1e9, 0)
	return &ReturnPart{
		Cut: total.cut, Back: total.returned, Failures: total.failures, TookS: took,
		FirstS:    max(float64(total.firstReturn-pl.measureFrom)/1e9, 0),
		PerSecond: ratio(float64(total.returned), took), Latency: latencyOf(total.comingBack),
	}
}

func (rep *Report) writeReturns(line liner) {
	if r := rep.Returns; r != nil {
		line("came back", "%d of %d cut, in %.2f s, the first after %.2f s, %.0f/s; %d failures", r.Back, r.Cut, r.TookS, r.FirstS, r.PerSecond, r.Failures)
		l := &r.Latency
		line("", "p50 %s  p90 %s  p99 %s  max %s", ShowDuration(l.P50), ShowDuration(l.P90), ShowDuration(l.P99), ShowDuration(l.Max))
	}
	if s := rep.SlowMembers; s != nil {
		line("slow", "%d members read %d bytes/s; the server ended %d of them", s.Members, s.BytesPerS, s.Ended)
	}
}

// SlowPart is about the members that read slowly. What they miss is no fault.
type SlowPart struct {
	Members   int   `json:"members"`
	BytesPerS int   `json:"bytes_per_s"`
	Read      int64 `json:"bytes_read"`
	Ended     int64 `json:"ended"` // by the server
}

func (r *run) slowMembers(total *tally) *SlowPart {
	if r.cfg.Slow == 0 {
		return nil
	}
	return &SlowPart{Members: r.cfg.Slow, BytesPerS: r.cfg.SlowBytesPerS, Read: total.slowRead, Ended: total.slowEnded}
}

const (
	slowPeriod      = 100 * time.Millisecond // between two reads of a slow member
	slowBufferBytes = 4 << 10                // of its socket, so that the kernel hides little
)

// slowDown takes a member off epoll: from now on it reads by the clock.
func (w *worker) slowDown(c *conn) {
	if err := w.watch(c, unix.EPOLL_CTL_DEL, 0, 0); err != nil {
		w.run.fail(fmt.Errorf("epoll: %w", err))
	}
	w.slow = append(w.slow, c.index)
}

// readSlowly lets every slow member read its few bytes.
func (w *worker) readSlowly(now int64) {
	if len(w.slow) == 0 || now < w.slowNext {
		return
	}
	w.slowNext = now + int64(slowPeriod)
	few := max(w.run.cfg.SlowBytesPerS/int(time.Second/slowPeriod), 1)
	for _, index := range w.slow {
		c := &w.conns[index]
		if c.state != member {
			continue
		}
		n, err := unix.Read(c.fd, w.buf[:min(few, len(w.buf))])
		switch {
		case n > 0:
			w.slowRead += int64(n)
		case err != unix.EAGAIN && err != unix.EINTR:
			w.slowEnded++
			w.closeConn(c)
		}
	}
}
