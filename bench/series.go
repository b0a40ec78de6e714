package bench

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Second is what happened in one second of a run, from its first connection to its last
// answer. In runs longer than an hour a Second is longer. Counts are of what happened in
// it; latencies are of what was meant to begin in it, whenever it ended.
type Second struct {
	AtS   float64 `json:"at_s"`   // its end, since the run began
	TookS float64 `json:"took_s"` // longer than a second where the harness could not look in time
	Stage string  `json:"stage"`  // connect, warm-up, measure or drain

	Connections  int64 `json:"connections"` // at its end
	Connects     int64 `json:"connects"`    // also of those that came back
	Dropped      int64 `json:"dropped"`
	Sent         int64 `json:"sent"`
	Acknowledged int64 `json:"acknowledged"`
	Refused      int64 `json:"refused"`
	Deliveries   int64 `json:"deliveries"`
	InFlight     int64 `json:"in_flight"` // at its end
	Faults       int64 `json:"faults"`

	OwnEcho  Percentiles `json:"own_echo"`
	Delivery Percentiles `json:"delivery"`
	Connect  Percentiles `json:"connect"`
	SendLag  Percentiles `json:"send_lag"`

	ServerCores  float64 `json:"server_cores"`
	ServerRSS    int64   `json:"server_rss_bytes"`
	ServerAnon   int64   `json:"server_anon_bytes"`
	HarnessCores float64 `json:"harness_cores"`
	HarnessBusy  float64 `json:"harness_busy_share"` // of its busiest thread: the time in which it did not wait
	OtherCores   float64 `json:"other_cores"`
	MachineBusy  float64 `json:"machine_busy_share"`
	MachineSteal float64 `json:"machine_steal_share"`
	KernelBytes  int64   `json:"kernel_bytes"` // for sockets, on the whole machine

	Metrics map[string]float64 `json:"server_metrics"` // how far counters went on, and where gauges stood
}

// series joins what was looked at each second with the latencies of that second.
func (o *observer) series(times *timeline, cores int) []Second {
	var all []Second
	for i := 1; i < len(o.ticks); i++ {
		all = append(all, second(&o.ticks[i-1], &o.ticks[i], times, cores))
	}
	return all
}

func second(from, to *moment, times *timeline, cores int) Second {
	wall := to.since(from).Seconds()
	slot := times.between(from.run, to.run)
	slot[ofConnect].add(&slot[ofReturn])
	s := Second{
		AtS: float64(to.run) / float64(time.Second), TookS: wall, Stage: from.stage,
		Connections: to.seen.ready - to.seen.ended(), Connects: to.seen.ready + to.seen.returned - from.seen.ready - from.seen.returned, Dropped: to.seen.dropped - from.seen.dropped,
		Sent: to.seen.sent - from.seen.sent, Acknowledged: to.seen.acked - from.seen.acked, Refused: to.seen.refused - from.seen.refused,
		Deliveries: to.seen.received - from.seen.received, InFlight: to.seen.outstanding, Faults: to.seen.faults - from.seen.faults,
		OwnEcho: slot[ofEcho].percentiles(), Delivery: slot[ofDelivery].percentiles(),
		Connect: slot[ofConnect].percentiles(), SendLag: slot[ofLag].percentiles(),
		ServerCores: ratio(to.serverCPU(from).Seconds(), wall), ServerRSS: to.rss(), ServerAnon: to.anon(),
		HarnessCores: ratio((to.self - from.self).Seconds(), wall), HarnessBusy: to.busiest(from),
		KernelBytes: to.kernel.Bytes(),
		Metrics:     to.metrics.Second(from.metrics),
	}
	s.MachineBusy, s.MachineSteal = to.machineShares(from)
	s.OtherCores = max(s.MachineBusy*float64(cores)-s.HarnessCores-s.ServerCores, 0)
	return s
}

// Measured returns the seconds in which it was measured from their beginning to their end.
func (rep *Report) Measured() []Second {
	var measured []Second
	for i := range rep.Series {
		if rep.Series[i].Stage == stageMeasure {
			measured = append(measured, rep.Series[i])
		}
	}
	return measured
}

// Bin counts the times from FromUS to below ToUS microseconds.
type Bin struct {
	FromUS float64 `json:"from_us"`
	ToUS   float64 `json:"to_us"`
	Count  int64   `json:"count"`
}

// HistogramPart is how the latencies of the measured time were spread, in bins of equal
// width on a logarithmic scale.
type HistogramPart struct {
	OwnEcho  []Bin `json:"own_echo"`
	Delivery []Bin `json:"delivery"`
	Connect  []Bin `json:"connect"` // of the whole run
}

// binsPerDecade are the bins of a HistogramPart from one time to ten times that.
const binsPerDecade = 12

// logBins puts a histogram's times into bins of equal width on a logarithmic scale. Bins in
// between that are empty are there.
func logBins(h *hdrhistogram.Histogram) []Bin {
	var all []Bin
	edge := func(i int) float64 { return math.Pow(10, float64(i)/binsPerDecade) }
	first := 0
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		us := max(float64(bar.To)/1e3, 1)
		at := int(math.Floor(math.Log10(us) * binsPerDecade))
		if all == nil {
			first = at
		}
		for at >= first+len(all) {
			i := first + len(all)
			all = append(all, Bin{FromUS: edge(i), ToUS: edge(i + 1)})
		}
		all[at-first].Count += bar.Count
	}
	return all
}
