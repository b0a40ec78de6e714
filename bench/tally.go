package bench

import (
	"sync/atomic"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally is what one worker has counted. The worker alone touches it until it has ended.
type tally struct {
	ready, dropped             int64 // connections that became members, that the server closed
	sent, unsent               int64 // messages; unsent: given up because the server did not take them
	acked, refused, unknown    int64 // unknown: their connection ended before an answer, and came back
	expected, received         int64 // deliveries, of the whole run
	missing, repeated, foreign int64 // events that a connection did not see; saw again; of others than this run
	duplicates, reordered      int64
	cut, returned, failures    int64 // connections that were ended to come back, that did, attempts that failed
	firstReturn, lastReturn    int64 // when the first one did, zero where none did, and the last one
	slowRead, slowEnded        int64 // bytes that slow members read; of them, ended by the server
	changes, notices           int64 // edits, patches and the like that were told; typing that was sent
	reads, bytes               int64 // since there is a plan

	errors map[string]int64 // refusals by code
	closes map[int]int64    // ends that the server brought about, by close code

	connect    *hdrhistogram.Histogram // connecting to history frame
	echo       *hdrhistogram.Histogram // meant to be sent to own echo
	delivery   *hdrhistogram.Histogram // meant to be sent to arrival at another member
	lag        *hdrhistogram.Histogram // meant to be sent to written by the harness
	comingBack *hdrhistogram.Histogram // meant to connect again to history frame
	crossing   *hdrhistogram.Histogram // deliveries from senders on other nodes; they are in delivery, too
	action     *hdrhistogram.Histogram // meant to be asked to acknowledged, of edits, reactions and marks
	times      timeline                // the same, by the second
}

// noCode is the close code of a connection that ended without a close frame.
const noCode = 1006

const (
	latencyMin     = 100 // ns; finer differences are not kept
	latencyMax     = 300_000_000_000
	latencyFigures = 3
)

func newTally(slotNS int64) tally {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(latencyMin, latencyMax, latencyFigures) }
	return tally{errors: map[string]int64{}, closes: map[int]int64{}, connect: h(), echo: h(), delivery: h(), lag: h(), comingBack: h(), crossing: h(), action: h(), times: timeline{width: slotNS}}
}

// record notes a latency in ns, cut to what the histogram can hold.
func record(h *hdrhistogram.Histogram, ns int64) {
	if h.RecordValue(min(max(ns, 0), latencyMax)) != nil {
		panic("bench: a latency within the histogram's range was refused")
	}
}

// sums are the counters that add up, always in the same order.
func (t *tally) sums() []*int64 {
	return []*int64{
		&t.ready, &t.dropped, &t.sent, &t.unsent, &t.acked, &t.refused, &t.unknown, &t.expected, &t.received,
		&t.missing, &t.repeated, &t.foreign, &t.duplicates, &t.reordered, &t.cut, &t.returned, &t.failures,
		&t.slowRead, &t.slowEnded, &t.changes, &t.notices, &t.reads, &t.bytes,
	}
}

// histograms are those of the whole run, always in the same order.
func (t *tally) histograms() []*hdrhistogram.Histogram {
	return []*hdrhistogram.Histogram{t.connect, t.echo, t.delivery, t.lag, t.comingBack, t.crossing, t.action}
}

// add adds another one's tally. Histograms are added bin by bin, so that their quantiles are
// those of all times together.
func (t *tally) add(o *tally) {
	others := o.sums()
	for i, sum := range t.sums() {
		*sum += *others[i]
	}
	if t.firstReturn == 0 || o.firstReturn != 0 && o.firstReturn < t.firstReturn {
		t.firstReturn = o.firstReturn
	}
	t.lastReturn = max(t.lastReturn, o.lastReturn)
	for code, n := range o.errors {
		t.errors[code] += n
	}
	for code, n := range o.closes {
		t.closes[code] += n
	}
	all := o.histograms()
	for i, h := range t.histograms() {
		h.Merge(all[i])
	}
	t.times.add(&o.times)
}

// meter is the part of a worker's tally that others watch while it runs. The
// worker stores it once a turn.
type meter struct {
	ready, dropped, sent, acked, refused, outstanding, expected, received, faults, cut, returned atomic.Int64

	halted atomic.Bool // what the rest says includes the last message that was sent

	slept  atomic.Int64         // ns that the worker has waited for its sockets or the clock
	recent atomic.Pointer[slot] // the times of the second that ended last, as far as they had come; it never changes
}

// reading is a sum of meters at a moment.
type reading struct {
	ready, dropped, sent, acked, refused, outstanding, expected, received, faults, cut, returned int64

	halted bool // of all workers
}

// counts are what is read, always in the same order.
func (r *reading) counts() []*int64 {
	return []*int64{&r.ready, &r.dropped, &r.sent, &r.acked, &r.refused, &r.outstanding, &r.expected, &r.received, &r.faults, &r.cut, &r.returned}
}

// ended counts the connections that are no more.
func (r *reading) ended() int64 { return r.dropped + r.cut - r.returned }

// publish stores what the tally says. What a message makes expected is stored
// before it stops being outstanding, so that whoever loads in the other order
// never sees everything answered and too little expected.
func (m *meter) publish(t *tally, outstanding int64, halted bool) {
	m.ready.Store(t.ready)
	m.dropped.Store(t.dropped)
	m.returned.Store(t.returned)
	m.cut.Store(t.cut)
	m.sent.Store(t.sent)
	m.acked.Store(t.acked)
	m.refused.Store(t.refused)
	m.expected.Store(t.expected)
	m.received.Store(t.received)
	m.faults.Store(t.missing + t.repeated + t.reordered)
	m.outstanding.Store(outstanding)
	m.halted.Store(halted)
}

func (m *meter) addTo(r *reading) {
	r.halted = r.halted && m.halted.Load()
	r.outstanding += m.outstanding.Load()
	r.ready += m.ready.Load()
	r.dropped += m.dropped.Load()
	r.sent += m.sent.Load()
	r.acked += m.acked.Load()
	r.refused += m.refused.Load()
	r.expected += m.expected.Load()
	r.received += m.received.Load()
	r.faults += m.faults.Load()
	r.cut += m.cut.Load()
	r.returned += m.returned.Load()
}
