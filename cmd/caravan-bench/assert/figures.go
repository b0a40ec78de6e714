package assert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caravan-chat/caravan/bench"
)

// figure is what a condition can be about.
type figure struct {
	unit unit
	read func(*bench.Report) (v float64, known bool)
}

// figures are all that there are, by name.
var figures = func() map[string]figure {
	all := map[string]figure{
		"lost":       {count, of(func(r *bench.Report) int64 { return r.Deliveries.Missing })},
		"repeated":   {count, of(func(r *bench.Report) int64 { return r.Deliveries.Repeated })},
		"reordered":  {count, of(func(r *bench.Report) int64 { return r.Deliveries.Reordered })},
		"unanswered": {count, of(func(r *bench.Report) int64 { return r.Messages.Unanswered })},
		"refused":    {count, of(func(r *bench.Report) int64 { return r.Messages.Refused })},
		"given_up":   {count, of(func(r *bench.Report) int64 { return r.Messages.Unsent })},
		"dropped":    {count, of(func(r *bench.Report) int64 { return r.Connect.Dropped })},
		"connected":  {count, of(func(r *bench.Report) int64 { return r.Connect.Connected })},
		"faults":     {count, of(func(r *bench.Report) int { return len(r.Faults) })},
		"messages":   {rate, of(func(r *bench.Report) float64 { return r.Messages.PerSecond })},
		"deliveries": {rate, of(func(r *bench.Report) float64 { return r.Deliveries.PerSecond })},
		"connect_s":  {count, of(func(r *bench.Report) float64 { return r.Connect.TookS })},

		"returned": {count, returned(func(p *bench.ReturnPart) float64 { return float64(p.Back) })},
		"return_s": {count, returned(func(p *bench.ReturnPart) float64 { return p.TookS })},

		"cpu":                   {count, server(func(s *bench.ServerPart) float64 { return s.CPUCores })},
		"cpu_per_delivery":      {micros, server(func(s *bench.ServerPart) float64 { return s.CPUPerDeliveryUS })},
		"cpu_per_message":       {micros, server(func(s *bench.ServerPart) float64 { return s.CPUPerMessageUS })},
		"cpu_per_connect":       {micros, server(func(s *bench.ServerPart) float64 { return s.CPUPerConnectUS })},
		"rss":                   {bytes, server(func(s *bench.ServerPart) float64 { return float64(s.RSSBytes) })},
		"rss_per_connection":    {bytes, server(func(s *bench.ServerPart) float64 { return s.RSSPerConnection })},
		"writes_per_delivery":   {count, server(func(s *bench.ServerPart) float64 { return s.WritesPerDelivery })},
		"kernel_per_connection": {bytes, of(func(r *bench.Report) float64 { return r.Kernel.BytesPerConnection })},

		"generator":     {share, of(func(r *bench.Report) float64 { return r.Generator.BusyShare })},
		"machine_busy":  {share, of(func(r *bench.Report) float64 { return r.Load.MachineBusy })},
		"machine_steal": {share, of(func(r *bench.Report) float64 { return r.Load.MachineSteal })},
	}
	for prefix, of := range map[string]func(*bench.Report) *bench.Latency{
		"": func(r *bench.Report) *bench.Latency {
			_, l := r.Heard()
			return l
		},
		"action.": func(r *bench.Report) *bench.Latency { return &r.Latency.Action },
		"return.": func(r *bench.Report) *bench.Latency {
			if r.Returns == nil {
				return &bench.Latency{}
			}
			return &r.Returns.Latency
		},
		"echo.":     func(r *bench.Report) *bench.Latency { return &r.Latency.OwnEcho },
		"delivery.": func(r *bench.Report) *bench.Latency { return &r.Latency.Delivery },
		"connect.":  func(r *bench.Report) *bench.Latency { return &r.Connect.Latency },
		"lag.":      func(r *bench.Report) *bench.Latency { return &r.Latency.SendLag },
	} {
		for name, quantile := range map[string]func(*bench.Latency) float64{
			"mean": func(l *bench.Latency) float64 { return l.Mean }, "p50": func(l *bench.Latency) float64 { return l.P50 },
			"p90": func(l *bench.Latency) float64 { return l.P90 }, "p99": func(l *bench.Latency) float64 { return l.P99 },
			"p99.9": func(l *bench.Latency) float64 { return l.P999 }, "max": func(l *bench.Latency) float64 { return l.Max },
		} {
			all[prefix+name] = figure{micros, func(r *bench.Report) (float64, bool) {
				l := of(r)
				return quantile(l), l.Count > 0
			}}
		}
	}
	return all
}()

func of[N int | int64 | float64](read func(*bench.Report) N) func(*bench.Report) (float64, bool) {
	return func(r *bench.Report) (float64, bool) { return float64(read(r)), true }
}

// server is of a figure that is known where the server's process is.
func server(read func(*bench.ServerPart) float64) func(*bench.Report) (float64, bool) {
	return func(r *bench.Report) (float64, bool) {
		if r.Server == nil {
			return 0, false
		}
		return read(r.Server), true
	}
}

// returned is of a figure that is known where connections came back.
func returned(read func(*bench.ReturnPart) float64) func(*bench.Report) (float64, bool) {
	return func(r *bench.Report) (float64, bool) {
		if r.Returns == nil {
			return 0, false
		}
		return read(r.Returns), true
	}
}

// Names lists the figures, for help.
func Names() string { return strings.Join(slices.Sorted(maps.Keys(figures)), ", ") }

// Check holds a report against conditions. A figure that the run did not measure fails.
func Check(conditions []Condition, rep *bench.Report) []bench.Assertion {
	var all []bench.Assertion
	for i := range conditions {
		c := &conditions[i]
		f := figures[c.Name]
		v, known := f.read(rep)
		a := bench.Assertion{Text: c.Text, Value: v, Holds: known && c.Holds(v), Is: f.unit.show(v)}
		if !known {
			a.Is = "not measured"
		}
		all = append(all, a)
	}
	return all
}

// show writes a value as people read it.
func (u unit) show(v float64) string {
	switch u {
	case micros:
		return bench.ShowDuration(v)
	case bytes:
		return bench.ShowBytes(v)
	case share:
		return fmt.Sprintf("%.1f%%", 100*v)
	case rate:
		return fmt.Sprintf("%.0f/s", v)
	}
	return fmt.Sprintf("%.6g", v)
}
