package page

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/caravan-chat/caravan/bench/compare"
)

//go:embed comparison.html
var comparisonText string

var comparisonPage = template.Must(template.New("comparison").Funcs(template.FuncMap{"class": class}).Parse(comparisonText))

// WriteComparison writes the page of a comparison.
func WriteComparison(w io.Writer, c *compare.Comparison) error {
	type workload struct {
		*compare.Workload
		SVG template.HTML
	}
	v := struct {
		*compare.Comparison
		Style     template.CSS
		Workloads []workload
	}{Comparison: c, Style: template.CSS(style)}
	for i := range c.Workloads {
		v.Workloads = append(v.Workloads, workload{&c.Workloads[i], intervals(&c.Workloads[i])})
	}
	return comparisonPage.Execute(w, v)
}

// class is how a verdict is coloured.
func class(v compare.Verdict) string {
	switch v {
	case compare.Better:
		return "better"
	case compare.Worse:
		return "worse"
	}
	return "same"
}

const (
	rowHeight  = 24.0
	rowsLeft   = 150.0
	rowsRight  = 70.0
	rowsUnder  = 30.0
	ratioLimit = 16.0 // beyond it an interval is cut
)

// intervals draws a ratio and its interval for each figure, around 1, where nothing differs.
func intervals(w *compare.Workload) template.HTML {
	low, high := 0.9, 1/0.9
	for i := range w.Figures {
		f := &w.Figures[i].Interval
		low, high = min(low, f.Ratio), max(high, f.Ratio)
		if f.Low > 0 {
			low, high = min(low, f.Low), max(high, f.High)
		}
	}
	far := min(max(high, 1/low)*1.03, ratioLimit)
	x := axis{low: 1 / far, high: far, begin: rowsLeft, end: width - rowsRight, logarithmic: true}
	bottom := top + rowHeight*float64(len(w.Figures))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="ratios of %s">`, width, bottom+rowsUnder, html.EscapeString(w.Name))
	for _, v := range ratioTicks(far) {
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="x" x="%.1f" y="%g">%s</text>`,
			map[bool]string{true: "axis", false: "grid"}[v == 1], x.at(v), x.at(v), top, bottom, x.at(v), bottom+18, fmt.Sprintf("%.3g", v))
	}
	for i := range w.Figures {
		f := &w.Figures[i]
		y := top + rowHeight*(float64(i)+0.5)
		cut := func(v float64) float64 { return x.at(math.Min(math.Max(v, x.low), x.high)) }
		fmt.Fprintf(&b, `<text class="row" x="%g" y="%.1f">%s</text>`, rowsLeft-8, y+4, html.EscapeString(f.Name))
		if f.Interval.Low > 0 {
			fmt.Fprintf(&b, `<line class="range %s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class(f.Verdict), cut(f.Interval.Low), cut(f.Interval.High), y, y)
		}
		fmt.Fprintf(&b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="4.5"><title>%s: %s, %s</title></circle><text x="%g" y="%.1f">%.3f</text>`,
			class(f.Verdict), cut(f.Interval.Ratio), y, html.EscapeString(f.Name), f.Interval.Within(), f.Verdict, width-rowsRight+12, y+4, f.Interval.Ratio)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// ratioTicks are round ratios on both sides of 1.
func ratioTicks(far float64) []float64 {
	steps := []float64{1.05, 1.1}
	switch {
	case far > 5:
		steps = []float64{2, 4, 8, 16}
	case far > 2:
		steps = []float64{1.5, 2, 4}
	case far > 1.3:
		steps = []float64{1.25, 1.5, 2}
	case far > 1.15:
		steps = []float64{1.1, 1.2}
	}
	all := []float64{1}
	for _, v := range steps {
		if v <= far {
			all = append(all, v, 1/v)
		}
	}
	return all
}
