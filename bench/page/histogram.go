package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/caravan-chat/caravan/bench"
)

// spread is a set of latencies as bars over a logarithmic scale.
type spread struct {
	Title, Note string
	sets        []set
}

type set struct {
	name, class string
	bins        []bench.Bin
	p50, p99    float64
}

// SVG draws it; empty where there are no latencies.
func (s *spread) SVG() template.HTML {
	x := axis{low: math.Inf(1), high: math.Inf(-1), begin: left, end: width - right, logarithmic: true, fewer: true}
	y := axis{high: 0, begin: height - under, end: top}
	for _, set := range s.sets {
		whole := total(set.bins)
		for _, b := range set.bins {
			x.low, x.high = min(x.low, b.FromUS), max(x.high, b.ToUS)
			y.high = max(y.high, share(b.Count, whole))
		}
	}
	if y.high == 0 {
		return ""
	}
	step := roundStep(y.high / 4)
	y.high = math.Ceil(y.high/step-1e-9) * step
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(s.Title))
	drawAxes(&b, &x, &y, shortDuration, percent)
	for i := range s.sets {
		s.sets[i].draw(&b, &x, &y)
	}
	for i, set := range s.sets {
		fmt.Fprintf(&b, `<text class="name %s" x="%g" y="%g">%s</text>`, set.class, width-right+6, top+10+labelHeight*1.2*float64(i), html.EscapeString(set.name))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (s *set) draw(b *strings.Builder, x, y *axis) {
	whole := total(s.bins)
	for _, bin := range s.bins {
		if bin.Count == 0 {
			continue
		}
		from, to, high := x.at(bin.FromUS), x.at(bin.ToUS), y.at(share(bin.Count, whole))
		fmt.Fprintf(b, `<rect class="bar %s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`,
			s.class, from+0.5, min(high, height-under-1), max(to-from-1, 0.5), max(height-under-high, 1),
			html.EscapeString(fmt.Sprintf("%s: %s to %s: %d (%s)", s.name, bench.ShowDuration(bin.FromUS), bench.ShowDuration(bin.ToUS), bin.Count, percent(share(bin.Count, whole)))))
	}
	for _, mark := range []struct {
		at   float64
		name string
	}{{s.p50, "p50"}, {s.p99, "p99"}} {
		if mark.at > 0 {
			side, shift := "", 3.0
			if x.at(mark.at) > width-right-40 { // no room on the right
				side, shift = " before", -3
			}
			fmt.Fprintf(b, `<line class="mark %s" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="markname %s%s" x="%.1f" y="%g">%s</text>`,
				s.class, x.at(mark.at), x.at(mark.at), top, height-under, s.class, side, x.at(mark.at)+shift, top+10, mark.name)
		}
	}
}

func total(bins []bench.Bin) (n int64) {
	for _, b := range bins {
		n += b.Count
	}
	return n
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// shortDuration shows microseconds as ticks do.
func shortDuration(us float64) string {
	switch {
	case us < 999.5:
		return fmt.Sprintf("%.3g µs", us)
	case us < 999.5e3:
		return fmt.Sprintf("%.3g ms", us/1e3)
	}
	return fmt.Sprintf("%.3g s", us/1e6)
}

// shortBytes shows bytes as ticks do.
func shortBytes(n float64) string {
	unit := binaryUnit(n)
	names := map[float64]string{1: "B", 1 << 10: "KiB", 1 << 20: "MiB", 1 << 30: "GiB"}
	return fmt.Sprintf("%.4g %s", n/unit, names[unit])
}

func percent(v float64) string {
	if v > 0 && v < 0.01 {
		return fmt.Sprintf("%.1f%%", 100*v)
	}
	return fmt.Sprintf("%.0f%%", 100*v)
}
