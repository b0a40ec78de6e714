package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/caravan-chat/caravan/bench"
)

// Summary is what runs of one workload had in the middle.
type Summary struct {
	Name    string
	Runs    int
	Faulty  int // and those in which the generator was saturated
	Medians []Median
}

// Median is the median of one figure.
type Median struct{ Name, Value string }

// Summaries sums up runs, workload by workload in the order in which they were run.
func Summaries(runs []*bench.Report) []Summary {
	var all []Summary
	for _, name := range namesOf(runs) {
		s := Summary{Name: name}
		var of []*bench.Report
		for _, r := range runs {
			if r.Name != name {
				continue
			}
			of = append(of, r)
			if !r.OK || r.Generator.Saturated {
				s.Faulty++
			}
		}
		s.Runs = len(of)
		for _, m := range measures() {
			if v := values(of, m.of); len(v) > 0 {
				s.Medians = append(s.Medians, Median{m.name, m.show(medianOf(v))})
			}
		}
		all = append(all, s)
	}
	return all
}

// WriteSummary writes the medians of runs for people.
func WriteSummary(w io.Writer, runs []*bench.Report) error {
	var b strings.Builder
	for _, s := range Summaries(runs) {
		fmt.Fprintf(&b, "%s: medians of %d runs", s.Name, s.Runs)
		if s.Faulty > 0 {
			fmt.Fprintf(&b, ", %d OF THEM WITH FAULTS OR A SATURATED GENERATOR", s.Faulty)
		}
		b.WriteString("\n")
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, m := range s.Medians {
			fmt.Fprintf(table, "  %s\t%s\n", m.Name, m.Value)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
