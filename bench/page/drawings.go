package page

import (
	"fmt"

	"github.com/caravan-chat/caravan/bench"
)

// drawings are the plots of a run, without those that have nothing to show.
func drawings(rep *bench.Report) []drawing {
	t := times{rep: rep}
	t.measured()
	name, _ := rep.Heard()
	all := []*plot{t.throughput(), t.messages(), t.latencies(name), t.cpu(), t.memory(), t.connections(), t.commits()}
	histogram := &spread{Title: "Latency histogram", Note: "share of all that was measured, by latency on a logarithmic scale", sets: sets(rep)}
	var drawn []drawing
	for i, p := range all {
		if svg := p.SVG(); svg != "" {
			drawn = append(drawn, drawing{p.Title, p.Note, svg})
		}
		if svg := histogram.SVG(); i == 2 && svg != "" {
			drawn = append(drawn, drawing{histogram.Title, histogram.Note, svg})
		}
	}
	return drawn
}

func sets(rep *bench.Report) []set {
	var all []set
	for _, s := range []set{
		{"delivery", "c1", rep.Histograms.Delivery, rep.Latency.Delivery.P50, rep.Latency.Delivery.P99},
		{"own echo", "c2", rep.Histograms.OwnEcho, rep.Latency.OwnEcho.P50, rep.Latency.OwnEcho.P99},
	} {
		if len(s.bins) > 0 {
			all = append(all, s)
		}
	}
	if name, l := rep.Heard(); name == "connect" && len(rep.Histograms.Connect) > 0 {
		all = []set{{"connect", "c1", rep.Histograms.Connect, l.P50, l.P99}}
	}
	if len(all) == 2 { // the marks of one are enough
		all[1].p50, all[1].p99 = 0, 0
	}
	return all
}

// times makes plots over the time of a run.
type times struct {
	rep      *bench.Report
	from, to float64 // what was measured
}

// measured finds the part that was measured.
func (t *times) measured() {
	seconds := t.rep.Measured()
	if n := len(seconds); n > 0 {
		t.from, t.to = seconds[0].AtS-seconds[0].TookS, seconds[n-1].AtS
	}
}

func (t *times) plot(title, note string, show func(float64) string, lines ...line) *plot {
	return &plot{Title: title, Note: note, lines: lines, show: show, from: t.from, to: t.to}
}

// line makes a line of one figure of each second. A value below zero is not known.
func (t *times) line(name, class string, of func(*bench.Second) float64) line {
	l := line{name: name, class: class}
	for i := range t.rep.Series {
		s := &t.rep.Series[i]
		v := of(s)
		l.points = append(l.points, point{x: s.AtS, y: v, known: v >= 0})
	}
	return l
}

const unknown = -1

// known is a figure that is only there where it is not zero.
func known(v float64) float64 {
	if v == 0 {
		return unknown
	}
	return v
}

func perSecond(n int64, s *bench.Second) float64 {
	if s.TookS == 0 {
		return unknown
	}
	return float64(n) / s.TookS
}

func (t *times) throughput() *plot {
	if t.rep.Deliveries.Received == 0 {
		return t.plot("", "", count)
	}
	return t.plot("Deliveries", "each second; what was measured is shaded", count,
		t.line("deliveries", "c1", func(s *bench.Second) float64 { return perSecond(s.Deliveries, s) }))
}

func (t *times) messages() *plot {
	if t.rep.Messages.Sent == 0 {
		return t.plot("", "", count)
	}
	return t.plot("Messages", "each second", count,
		t.line("sent", "c3", func(s *bench.Second) float64 { return perSecond(s.Sent, s) }),
		t.line("answered", "c1", func(s *bench.Second) float64 { return perSecond(s.Acknowledged, s) }))
}

func (t *times) latencies(name string) *plot {
	of := func(s *bench.Second) *bench.Percentiles {
		switch name {
		case "delivery":
			return &s.Delivery
		case "own echo":
			return &s.OwnEcho
		}
		return &s.Connect
	}
	p := t.plot("Latency of "+name, "of what was meant to begin in each second; logarithmic", shortDuration,
		t.line("max", "q1", func(s *bench.Second) float64 { return known(of(s).Max) }),
		t.line("p99", "q2", func(s *bench.Second) float64 { return known(of(s).P99) }),
		t.line("p90", "q3", func(s *bench.Second) float64 { return known(of(s).P90) }),
		t.line("p50", "q4", func(s *bench.Second) float64 { return known(of(s).P50) }))
	p.log = true
	return p
}

func (t *times) cpu() *plot {
	cores := func(v float64) string { return fmt.Sprintf("%.3g", v) }
	lines := []line{
		t.line("others", "c3", func(s *bench.Second) float64 { return s.OtherCores }),
		t.line("generator", "c2", func(s *bench.Second) float64 { return s.HarnessCores }),
	}
	if t.rep.Server != nil {
		lines = append(lines, t.line("server", "c1", func(s *bench.Second) float64 { return s.ServerCores }))
	}
	p := t.plot("Processors", "cores in use", cores, lines...)
	p.most, p.mostName = float64(t.rep.Machine.Cores), "all of the machine"
	return p
}

func (t *times) memory() *plot {
	var lines []line
	if t.rep.Server != nil {
		lines = append(lines,
			t.line("server", "c1", func(s *bench.Second) float64 { return known(float64(s.ServerRSS)) }),
			t.line("anonymous", "c2", func(s *bench.Second) float64 { return known(float64(s.ServerAnon)) }))
	}
	lines = append(lines, t.line("kernel", "c3", func(s *bench.Second) float64 { return known(float64(s.KernelBytes)) }))
	p := t.plot("Memory", "resident in the server; what of it belongs to no file; the kernel's for sockets", shortBytes, lines...)
	p.binary = true
	return p
}

func (t *times) connections() *plot {
	lines := []line{t.line("members", "c1", func(s *bench.Second) float64 { return float64(s.Connections) })}
	if t.rep.Returns != nil {
		lines = append(lines, t.line("connects/s", "c2", func(s *bench.Second) float64 { return perSecond(s.Connects, s) }))
	}
	return t.plot("Connections", "that are members", count, lines...)
}

func (t *times) commits() *plot {
	const took, commits = "caravan_commit_seconds_sum", "caravan_commit_seconds_count"
	p := t.plot("Commits, as the server tells", "mean time of one, each second; logarithmic", shortDuration,
		t.line("commit", "c1", func(s *bench.Second) float64 {
			if s.Metrics[commits] == 0 {
				return unknown
			}
			return 1e6 * s.Metrics[took] / s.Metrics[commits]
		}))
	p.log = true
	return p
}
