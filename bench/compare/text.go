package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the comparison for people.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	for i := range c.Workloads {
		workload := &c.Workloads[i]
		fmt.Fprintf(&b, "%s: %d runs of %s, %d of %s\n", workload.Name, workload.RunsA, c.A, workload.RunsB, c.B)
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "  \t%s\t%s\tratio\t%.0f%% sure within\t\n", c.A, c.B, 100*confidence)
		for k := range workload.Figures {
			f := &workload.Figures[k]
			fmt.Fprintf(table, "  %s\t%s\t%s\t%.3f\t%s\t%s\n", f.Name, f.MedianA, f.MedianB, f.Interval.Ratio, f.Interval.Within(), f.Verdict)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		b.WriteString("\n")
	}
	for _, note := range c.Notes {
		fmt.Fprintf(&b, "note  %s\n", note)
	}
	if c.hasTooFew() {
		fmt.Fprintf(&b, "note  an interval needs at least four runs of each\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Within shows the interval.
func (i *Interval) Within() string {
	if i.Low == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f to %.3f", i.Low, i.High)
}

func (c *Comparison) hasTooFew() bool {
	for i := range c.Workloads {
		for k := range c.Workloads[i].Figures {
			if c.Workloads[i].Figures[k].Verdict == TooFew {
				return true
			}
		}
	}
	return false
}
