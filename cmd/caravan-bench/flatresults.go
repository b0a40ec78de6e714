package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/page"
	"github.com/caravan-chat/caravan/bench/proc"
)

// flatResults are what `caravan-bench flat` measured, as it keeps them.
type flatResults struct {
	Command []string     `json:"command"`
	Version string       `json:"version"`
	Machine proc.Facts   `json:"machine"`
	Series  []flatShapes `json:"series"`
}

// flatShapes is a series of shapes.
type flatShapes struct {
	Name   string      `json:"name"`
	About  string      `json:"about"`
	Shapes []flatShape `json:"shapes"`
}

// flatShape is one shape, on all servers.
type flatShape struct {
	Grown        string       `json:"grown"` // the number that grows
	MessagesPerS float64      `json:"messages_per_s"`
	Servers      []flatFigure `json:"servers"`
	load         bench.Config
}

// flatFigure is one shape on one server, run by run.
type flatFigure struct {
	Server            string    `json:"server"`
	CPUPerDeliveryUS  []float64 `json:"cpu_per_delivery_us"`
	WritesPerDelivery []float64 `json:"writes_per_delivery"` // zeros: not told
	KernelShare       []float64 `json:"kernel_share"`
	OthersCores       []float64 `json:"other_cores"`
	runs              []*bench.Report
}

// newFlatResults has a place for each figure of the series that are wanted.
func newFlatResults(wanted, servers []string, connectionsMax int) *flatResults {
	found := &flatResults{Command: os.Args}
	for i := range flatSeries {
		s := &flatSeries[i]
		if !slices.Contains(wanted, s.name) {
			continue
		}
		all := flatShapes{Name: s.name, About: s.about}
		for _, one := range s.all {
			if one.load.Connections > connectionsMax {
				continue
			}
			at := flatShape{Grown: one.grown, MessagesPerS: one.load.Rate, load: one.load}
			for _, server := range servers {
				at.Servers = append(at.Servers, flatFigure{Server: server})
			}
			all.Shapes = append(all.Shapes, at)
		}
		if len(all.Shapes) > 0 {
			found.Series = append(found.Series, all)
		}
	}
	return found
}

func (f *flatFigure) add(rep *bench.Report) {
	f.runs = append(f.runs, rep)
	f.CPUPerDeliveryUS = append(f.CPUPerDeliveryUS, rep.Server.CPUPerDeliveryUS)
	f.WritesPerDelivery = append(f.WritesPerDelivery, rep.Server.WritesPerDelivery)
	f.KernelShare = append(f.KernelShare, rep.Server.SystemShare)
	f.OthersCores = append(f.OthersCores, rep.Load.OtherCores)
}

// runs are the reports by server.
func (r *flatResults) runs() map[string][]*bench.Report {
	all := map[string][]*bench.Report{}
	for _, s := range r.Series {
		for _, at := range s.Shapes {
			for _, f := range at.Servers {
				all[f.Server] = append(all[f.Server], f.runs...)
			}
		}
	}
	return all
}

// middle is what a server's delivery costs in the middle of a series.
func (s *flatShapes) middle(server int) float64 {
	var costs []float64
	for i := range s.Shapes {
		costs = append(costs, s.Shapes[i].cost(server))
	}
	return middleOf(costs)
}

// cost is what a delivery costs one of the servers.
func (at *flatShape) cost(server int) float64 { return middleOf(at.Servers[server].CPUPerDeliveryUS) }

func middleOf(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// tables are one for each series. Of each server it has what a delivery costs, how that stands to
// the series' median, and how much of it was in the kernel; of all but the first how many writes a delivery
// took, and how the cost stands to the first one's.
func (r *flatResults) tables() (all []page.Table) {
	for i := range r.Series {
		s := &r.Series[i]
		t := page.Table{Name: fmt.Sprintf("%s (%s)", s.About, r.Machine.Processor), Head: []string{s.Name, "messages/s"}}
		for n, f := range s.Shapes[0].Servers {
			t.Head = append(t.Head, f.Server+" CPU", "of its median", "in the kernel")
			if n > 0 {
				t.Head = append(t.Head, "writes a delivery", "in times of "+s.Shapes[0].Servers[0].Server)
			}
		}
		for k := range s.Shapes {
			t.Rows = append(t.Rows, s.Shapes[k].row(s))
		}
		all = append(all, t)
	}
	return all
}

func (at *flatShape) row(s *flatShapes) []string {
	cells := []string{at.Grown, fmt.Sprint(at.MessagesPerS)}
	for n := range at.Servers {
		f, cost := &at.Servers[n], at.cost(n)
		cells = append(cells, fmt.Sprintf("%.2f µs", cost), ifTold(cost/s.middle(n)), fmt.Sprintf("%.0f%%", 100*middleOf(f.KernelShare)))
		if n > 0 {
			cells = append(cells, ifTold(middleOf(f.WritesPerDelivery)), ifTold(cost/at.cost(0)))
		}
	}
	return cells
}

// ifTold shows a figure that is zero, or no number, where there is none.
func ifTold(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%.2f", v)
}

// writeText writes the tables as Markdown.
func (r *flatResults) writeText(w io.Writer) error {
	for _, t := range r.tables() {
		if err := t.WriteMarkdown(w); err != nil {
			return err
		}
	}
	return nil
}

// writePage writes the tables as a page, with links to the pages of the servers' runs.
func (r *flatResults) writePage(w io.Writer) error {
	p := page.Shapes{
		Kicker: "caravan-bench flat · " + r.Version, Title: "What a delivery costs in each shape of a fleet",
		Note:   "Processor time of the server for each delivery. Shapes of one table whose writes a delivery are alike have the same work each second. Medians of the runs.",
		Tables: r.tables(),
	}
	for _, f := range r.Series[0].Shapes[0].Servers {
		p.Links = append(p.Links, page.Link{Name: f.Server, File: f.Server + "/index.html"})
	}
	return page.WriteShapes(w, &p)
}
