// Package compare holds runs before a change against runs after it, and says what can be
// concluded. It is pure but for Load, and safe for concurrent use.
package compare

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/caravan-chat/caravan/bench"
)

// Verdict is what a comparison of one figure shows.
type Verdict string

// The verdicts.
const (
	Better       Verdict = "better"
	Worse        Verdict = "worse"
	NoDifference Verdict = "no difference shown" // which does not prove that there is none
	TooFew       Verdict = "too few runs"        // to say anything but the ratio
)

// Figure is one figure of a workload, in the runs of A and of B.
type Figure struct {
	Name     string    `json:"name"`
	A        []float64 `json:"a"`
	B        []float64 `json:"b"`
	MedianA  string    `json:"median_a"` // for people
	MedianB  string    `json:"median_b"`
	Interval Interval  `json:"interval"`
	Verdict  Verdict   `json:"verdict"`
}

// Workload is what was run alike in A and in B.
type Workload struct {
	Name    string   `json:"name"`
	RunsA   int      `json:"runs_a"`
	RunsB   int      `json:"runs_b"`
	Figures []Figure `json:"figures"`
}

// Comparison is the whole.
type Comparison struct {
	A         string     `json:"a"` // what the runs of A are called
	B         string     `json:"b"`
	Workloads []Workload `json:"workloads"`
	Notes     []string   `json:"notes"` // why to read it with care
}

// measure is a figure of a report that can be compared.
type measure struct {
	name   string
	more   bool // is better
	show   func(float64) string
	of     func(*bench.Report) float64 // zero: not measured
	closed bool                        // only of a closed loop, as the open loop's rate is what was asked for
}

func measures() []measure {
	us, bytes := bench.ShowDuration, bench.ShowBytes
	rate := func(v float64) string { return fmt.Sprintf("%.0f/s", v) }
	fine := func(v float64) string { return fmt.Sprintf("%.2f µs", v) }
	number := func(v float64) string { return fmt.Sprintf("%.3g", v) }
	server := func(of func(*bench.ServerPart) float64) func(*bench.Report) float64 {
		return func(r *bench.Report) float64 {
			if r.Server == nil {
				return 0
			}
			return of(r.Server)
		}
	}
	return []measure{
		{"deliveries", true, rate, func(r *bench.Report) float64 { return r.Deliveries.PerSecond }, true},
		{"messages", true, rate, func(r *bench.Report) float64 { return r.Messages.PerSecond }, true},
		{"delivery p50", false, us, func(r *bench.Report) float64 { return r.Latency.Delivery.P50 }, false},
		{"delivery p99", false, us, func(r *bench.Report) float64 { return r.Latency.Delivery.P99 }, false},
		{"own echo p50", false, us, func(r *bench.Report) float64 { return r.Latency.OwnEcho.P50 }, false},
		{"own echo p99", false, us, func(r *bench.Report) float64 { return r.Latency.OwnEcho.P99 }, false},
		{"come back p99", false, us, returned(func(p *bench.ReturnPart) float64 { return p.Latency.P99 }), false},
		{"all came back", false, us, returned(func(p *bench.ReturnPart) float64 { return 1e6 * p.TookS }), false},
		{"action p99", false, us, func(r *bench.Report) float64 { return r.Latency.Action.P99 }, false},
		{"connect p99", false, us, func(r *bench.Report) float64 { return r.Connect.Latency.P99 }, false},
		{"CPU a delivery", false, fine, server(func(s *bench.ServerPart) float64 { return s.CPUPerDeliveryUS }), false},
		{"CPU a message", false, fine, server(func(s *bench.ServerPart) float64 { return s.CPUPerMessageUS }), false},
		{"CPU a connect", false, fine, server(func(s *bench.ServerPart) float64 { return s.CPUPerConnectUS }), false},
		{"memory a connection", false, bytes, server(func(s *bench.ServerPart) float64 { return s.RSSPerConnection }), false},
		{"writes a delivery", false, number, server(func(s *bench.ServerPart) float64 { return s.WritesPerDelivery }), false},
	}
}

// returned reads a figure of connections that came back.
func returned(of func(*bench.ReturnPart) float64) func(*bench.Report) float64 {
	return func(r *bench.Report) float64 {
		if r.Returns == nil {
			return 0
		}
		return of(r.Returns)
	}
}

// Of compares the runs of A with those of B, workload by workload.
func Of(nameA, nameB string, a, b []*bench.Report) *Comparison {
	c := &Comparison{A: nameA, B: nameB}
	a, b = c.usable(nameA, a), c.usable(nameB, b)
	c.noteEnvironments(a, b)
	byA, byB := byName(a), byName(b)
	compared := 0
	for _, name := range namesOf(a, b) {
		runsA, runsB := byA[name], byB[name]
		if len(runsA) == 0 || len(runsB) == 0 {
			c.note("%s: there are %d runs of %s and %d of %s, so nothing to compare", name, len(runsA), nameA, len(runsB), nameB)
			continue
		}
		c.noteParameters(name, runsA[0], runsB[0])
		w := Workload{Name: name, RunsA: len(runsA), RunsB: len(runsB), Figures: figures(runsA, runsB)}
		for i := range w.Figures {
			if w.Figures[i].Verdict != TooFew {
				compared++
			}
		}
		c.Workloads = append(c.Workloads, w)
	}
	if compared > 0 {
		c.note("%d figures were compared: about %.1f of them seem to differ where nothing does, so look at those that differ most", compared, float64(compared)*(1-confidence))
	}
	return c
}

func figures(a, b []*bench.Report) []Figure {
	var all []Figure
	for _, m := range measures() {
		if m.closed && a[0].Parameters.Arrivals == "open" {
			continue
		}
		f := Figure{Name: m.name, A: values(a, m.of), B: values(b, m.of)}
		if len(f.A) == 0 || len(f.B) == 0 {
			continue
		}
		f.MedianA, f.MedianB = m.show(medianOf(f.A)), m.show(medianOf(f.B))
		f.Interval = ratioOf(f.A, f.B)
		f.Verdict = verdict(&f.Interval, m.more)
		all = append(all, f)
	}
	return all
}

func verdict(i *Interval, more bool) Verdict {
	switch {
	case i.Low == 0:
		return TooFew
	case i.Low <= 1 && i.High >= 1:
		return NoDifference
	case (i.Ratio > 1) == more:
		return Better
	}
	return Worse
}

// values are what the runs measured, without those that did not.
func values(runs []*bench.Report, of func(*bench.Report) float64) []float64 {
	var all []float64
	for _, r := range runs {
		if v := of(r); v > 0 {
			all = append(all, v)
		}
	}
	return all
}

func medianOf(values []float64) float64 { return median(slices.Sorted(slices.Values(values))) }

// runsMax keeps the exact distribution cheap.
const runsMax = 60

// usable leaves out the runs whose figures mean nothing, and says so.
func (c *Comparison) usable(name string, runs []*bench.Report) []*bench.Report {
	var good []*bench.Report
	faulty, saturated, ended := 0, 0, 0
	for _, r := range runs {
		switch {
		case !r.OK:
			faulty++
		case r.Generator.Saturated:
			saturated++
		case r.Interrupted:
			ended++
		default:
			good = append(good, r)
		}
	}
	for _, left := range []struct {
		n   int
		why string
	}{{faulty, "had faults"}, {saturated, "had a saturated generator"}, {ended, "were interrupted"}} {
		if left.n > 0 {
			c.note("%d runs of %s %s and are left out", left.n, name, left.why)
		}
	}
	return good
}

func (c *Comparison) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

func byName(runs []*bench.Report) map[string][]*bench.Report {
	all := map[string][]*bench.Report{}
	for _, r := range runs {
		if len(all[r.Name]) < runsMax {
			all[r.Name] = append(all[r.Name], r)
		}
	}
	return all
}

// namesOf lists the workloads in the order in which they were run first.
func namesOf(runs ...[]*bench.Report) []string {
	all := slices.Concat(runs...)
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y *bench.Report) int {
		return cmp.Compare(x.Environment.StartedAt.UnixNano(), y.Environment.StartedAt.UnixNano())
	})
	var names []string
	for _, r := range all {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// noteEnvironments says where the two sides were not run alike.
func (c *Comparison) noteEnvironments(a, b []*bench.Report) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	for _, of := range []struct {
		what string
		is   func(*bench.Report) string
	}{
		{"machine", func(r *bench.Report) string { return fmt.Sprintf("%d cores, %s", r.Machine.Cores, r.Machine.Processor) }},
		{"kernel", func(r *bench.Report) string { return r.Machine.Kernel }},
		{"harness", func(r *bench.Report) string { return r.Harness }},
		{"store", func(r *bench.Report) string { return r.Durability }},
	} {
		if of.is(a[0]) != of.is(b[0]) {
			c.note("the %s is not the same: %s in %s, %s in %s", of.what, of.is(a[0]), c.A, of.is(b[0]), c.B)
		}
	}
}

func (c *Comparison) noteParameters(name string, a, b *bench.Report) {
	x, y := a.Parameters, b.Parameters
	x.URL, y.URL = "", ""
	if x != y {
		c.note("%s: the two sides were not asked for the same: %+v in %s, %+v in %s", name, x, c.A, y, c.B)
	}
}
