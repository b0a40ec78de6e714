// Package page draws reports as pages for people: HTML with plots in SVG, in one file that
// needs nothing else and no network. It is pure and safe for concurrent use.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/caravan-chat/caravan/bench"
)

//go:embed style.css
var style string

//go:embed report.html
var reportText string

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"bytes":    bench.ShowBytes,
	"duration": bench.ShowDuration,
	"count":    count,
	"join":     strings.Join,
	"percent":  percent,
	"float":    func(n int64) float64 { return float64(n) },
}).Parse(reportText))

// tile is a figure that stands out.
type tile struct{ Name, Value, Note string }

// row is a line of a table.
type row struct{ Name, Value string }

// drawing is a plot of either kind.
type drawing struct {
	Title, Note string
	SVG         template.HTML
}

// view is what the page shows.
type view struct {
	*bench.Report
	Style    template.CSS
	Verdict  string // clean, failed, saturated, not held
	Tiles    []tile
	Drawings []drawing
	Figures  []row
	Latency  []latency
	Run      []row
}

type latency struct {
	Name string
	bench.Latency
}

// Write writes the page of one run.
func Write(w io.Writer, rep *bench.Report) error {
	v := view{
		Report: rep, Style: template.CSS(style), Verdict: verdict(rep),
		Tiles: tiles(rep), Drawings: drawings(rep), Figures: figures(rep), Run: settings(rep),
	}
	for _, l := range []latency{
		{"Delivery to others", rep.Latency.Delivery}, {"Own echo", rep.Latency.OwnEcho}, {"… from another node", rep.Latency.OtherNode}, {"Edit, reaction, mark", rep.Latency.Action},
		{"Connect", rep.Connect.Latency}, {"Come back", returns(rep)}, {"Send lag of the generator", rep.Latency.SendLag},
	} {
		if l.Count > 0 {
			v.Latency = append(v.Latency, l)
		}
	}
	return reportPage.Execute(w, v)
}

// returns are the latencies of coming back; none where nobody did.
func returns(rep *bench.Report) (l bench.Latency) {
	if rep.Returns != nil {
		l = rep.Returns.Latency
	}
	return l
}

func verdict(rep *bench.Report) string {
	switch {
	case !rep.OK:
		return "failed"
	case rep.Generator.Saturated:
		return "saturated"
	case !rep.Asserted():
		return "not held"
	}
	return "clean"
}

func tiles(rep *bench.Report) []tile {
	var all []tile
	if r := rep.Returns; r != nil {
		all = append(all, tile{"Came back", count(r.PerSecond) + "/s", fmt.Sprintf("%d of %d in %.2f s", r.Back, r.Cut, r.TookS)})
	} else if rep.Deliveries.PerSecond > 0 {
		all = append(all, tile{"Deliveries", count(rep.Deliveries.PerSecond) + "/s", fmt.Sprintf("of %s messages/s", count(rep.Messages.PerSecond))})
	} else {
		all = append(all, tile{"Connections", count(float64(rep.Connect.Connected)), fmt.Sprintf("in %.1f s", rep.Connect.TookS)})
	}
	name, l := rep.Heard()
	all = append(all, tile{"p50 " + name, bench.ShowDuration(l.P50), "half are faster"}, tile{"p99 " + name, bench.ShowDuration(l.P99), "one in a hundred is slower"})
	s := rep.Server
	switch {
	case s == nil:
	case s.CPUPerDeliveryUS > 0:
		all = append(all, tile{"CPU a delivery", fmt.Sprintf("%.2f µs", s.CPUPerDeliveryUS), fmt.Sprintf("%.2f cores of the server", s.CPUCores)})
	default:
		all = append(all, tile{"CPU a connect", fmt.Sprintf("%.0f µs", s.CPUPerConnectUS), "of the server"})
	}
	if s != nil && s.RSSPerConnection > 0 {
		all = append(all, tile{"Memory a connection", bench.ShowBytes(s.RSSPerConnection), fmt.Sprintf("%s in all", bench.ShowBytes(float64(s.RSSBytes)))})
	}
	return all
}

// count writes a number with three figures.
func count(v float64) string {
	switch {
	case v >= 999.5e3:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 999.5:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}
