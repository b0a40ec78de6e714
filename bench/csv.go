package bench

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
)

// column is one column of the series as a table.
type column struct {
	name string
	of   func(*Second) string
}

func number[N int64 | float64](of func(*Second) N) func(*Second) string {
	return func(s *Second) string { return strconv.FormatFloat(float64(of(s)), 'f', -1, 64) }
}

func columns() []column {
	all := []column{
		{"at_s", number(func(s *Second) float64 { return s.AtS })},
		{"took_s", number(func(s *Second) float64 { return s.TookS })},
		{"stage", func(s *Second) string { return s.Stage }},
		{"connections", number(func(s *Second) int64 { return s.Connections })},
		{"connects", number(func(s *Second) int64 { return s.Connects })},
		{"dropped", number(func(s *Second) int64 { return s.Dropped })},
		{"sent", number(func(s *Second) int64 { return s.Sent })},
		{"acknowledged", number(func(s *Second) int64 { return s.Acknowledged })},
		{"refused", number(func(s *Second) int64 { return s.Refused })},
		{"deliveries", number(func(s *Second) int64 { return s.Deliveries })},
		{"in_flight", number(func(s *Second) int64 { return s.InFlight })},
		{"faults", number(func(s *Second) int64 { return s.Faults })},
		{"server_cores", number(func(s *Second) float64 { return s.ServerCores })},
		{"server_rss_bytes", number(func(s *Second) int64 { return s.ServerRSS })},
		{"server_anon_bytes", number(func(s *Second) int64 { return s.ServerAnon })},
		{"harness_cores", number(func(s *Second) float64 { return s.HarnessCores })},
		{"harness_busy_share", number(func(s *Second) float64 { return s.HarnessBusy })},
		{"other_cores", number(func(s *Second) float64 { return s.OtherCores })},
		{"machine_busy_share", number(func(s *Second) float64 { return s.MachineBusy })},
		{"machine_steal_share", number(func(s *Second) float64 { return s.MachineSteal })},
		{"kernel_bytes", number(func(s *Second) int64 { return s.KernelBytes })},
	}
	for _, of := range []struct {
		name string
		read func(*Second) *Percentiles
	}{
		{"own_echo", func(s *Second) *Percentiles { return &s.OwnEcho }}, {"delivery", func(s *Second) *Percentiles { return &s.Delivery }},
		{"connect", func(s *Second) *Percentiles { return &s.Connect }}, {"send_lag", func(s *Second) *Percentiles { return &s.SendLag }},
	} {
		all = append(all,
			column{of.name + "_count", number(func(s *Second) int64 { return of.read(s).Count })},
			column{of.name + "_p50_us", number(func(s *Second) float64 { return of.read(s).P50 })},
			column{of.name + "_p90_us", number(func(s *Second) float64 { return of.read(s).P90 })},
			column{of.name + "_p99_us", number(func(s *Second) float64 { return of.read(s).P99 })},
			column{of.name + "_p99_9_us", number(func(s *Second) float64 { return of.read(s).P999 })},
			column{of.name + "_max_us", number(func(s *Second) float64 { return of.read(s).Max })})
	}
	return all
}

// WriteCSV writes the series as a table with a line for each second. Last come the server's
// own metrics, in the order of their names.
func (rep *Report) WriteCSV(w io.Writer) error {
	all, metrics := columns(), map[string]bool{}
	for i := range rep.Series {
		for name := range rep.Series[i].Metrics {
			metrics[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		all = append(all, column{name, number(func(s *Second) float64 { return s.Metrics[name] })})
	}
	table, line := csv.NewWriter(w), make([]string, len(all))
	for i, c := range all {
		line[i] = c.name
	}
	if err := table.Write(line); err != nil {
		return err
	}
	for i := range rep.Series {
		for k, c := range all {
			line[k] = c.of(&rep.Series[i])
		}
		if err := table.Write(line); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
