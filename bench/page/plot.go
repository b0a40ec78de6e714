package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// The drawing, in units that the page scales to the width it has.
const (
	width, height           = 520.0, 250.0
	left, right, top, under = 62.0, 98.0, 12.0, 30.0
	labelHeight             = 15.0
)

// point is where a line goes; one that is not known leaves a gap.
type point struct {
	x, y  float64
	known bool
}

// line is one line of a plot. Its class says what colour it has.
type line struct {
	name, class string
	points      []point
}

// plot is what a run did over its time.
type plot struct {
	Title, Note string
	lines       []line
	log         bool                 // of the vertical axis
	binary      bool                 // its values are bytes
	show        func(float64) string // a value of the vertical axis
	from, to    float64              // what was measured; equal: not shown
	most        float64              // a bound worth showing, such as all processors; zero: none
	mostName    string
}

// axis maps values to places of the drawing.
type axis struct {
	low, high   float64
	begin, end  float64
	logarithmic bool
	unit        float64 // what ticks are round multiples of
	fewer       bool    // ticks, as their labels stand beside each other
}

func (a *axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.logarithmic {
		v, low, high = math.Log10(max(v, low)), math.Log10(low), math.Log10(high)
	}
	if high == low {
		return a.begin
	}
	return a.begin + (v-low)/(high-low)*(a.end-a.begin)
}

// ticks are round values along the axis, some five of them.
func (a *axis) ticks() []float64 {
	var all []float64
	if a.logarithmic {
		few := math.Log10(a.high/a.low) < map[bool]float64{false: 3, true: 1.5}[a.fewer]
		for decade := math.Pow(10, math.Floor(math.Log10(a.low))); decade <= a.high*1.001; decade *= 10 {
			for _, m := range []float64{1, 2, 5} {
				if v := m * decade; v >= a.low*0.999 && v <= a.high*1.001 && (m == 1 || few) {
					all = append(all, v)
				}
			}
		}
		return all
	}
	step := a.step(5)
	for v := math.Ceil(a.low/step) * step; v <= a.high+step/1e6; v += step {
		all = append(all, v)
	}
	return all
}

// step is a round distance of which about so many make the axis.
func (a *axis) step(count float64) float64 {
	unit := max(a.unit, 1)
	if a.unit == 0 {
		return roundStep((a.high - a.low) / count)
	}
	return unit * roundStep((a.high-a.low)/unit/count)
}

// roundStep is the next number up of 1, 2 or 5 times a power of ten.
func roundStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// extent finds the lowest and the highest of what is known.
func (p *plot) extent() (x, y axis, ok bool) {
	x = axis{low: math.Inf(1), high: math.Inf(-1), begin: left, end: width - right}
	y = axis{low: math.Inf(1), high: math.Inf(-1), begin: height - under, end: top, logarithmic: p.log}
	for _, l := range p.lines {
		for _, at := range l.points {
			x.low, x.high = min(x.low, at.x), max(x.high, at.x)
			if at.known && (!p.log || at.y > 0) {
				y.low, y.high, ok = min(y.low, at.y), max(y.high, at.y), true
			}
		}
	}
	x.low = 0
	if p.log {
		y.low, y.high = floorNice(y.low), ceilNice(y.high)
	} else {
		y.low, y.high = 0, max(y.high, p.most)
		if y.high == 0 {
			y.high = 1
		}
		if p.binary {
			y.unit = binaryUnit(y.high)
		}
		step := y.step(5)
		y.high = math.Ceil(y.high/step-1e-9) * step
	}
	return x, y, ok
}

// binaryUnit is the greatest of 1, KiB, MiB and GiB of which there are two or more.
func binaryUnit(bytes float64) float64 {
	unit := 1.0
	for bytes/unit >= 2<<10 && unit < 1<<30 {
		unit *= 1 << 10
	}
	return unit
}

// floorNice and ceilNice are the nearest of 1, 2 and 5 times a power of ten below and above.
func floorNice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if v >= m*power {
			return m * power
		}
	}
	return power
}

func ceilNice(v float64) float64 { return max(roundStep(v), 1e-3) }

// SVG draws it; empty where nothing is known.
func (p *plot) SVG() template.HTML {
	x, y, ok := p.extent()
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(p.Title))
	if p.to > p.from {
		fmt.Fprintf(&b, `<rect class="measured" x="%.1f" y="%g" width="%.1f" height="%g"/>`, x.at(p.from), top, x.at(p.to)-x.at(p.from), height-under-top)
	}
	drawAxes(&b, &x, &y, seconds, p.show)
	if p.most > 0 {
		fmt.Fprintf(&b, `<line class="most" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text x="%g" y="%.1f" class="mostname">%s</text>`,
			left, width-right, y.at(p.most), y.at(p.most), left+4, y.at(p.most)+12, html.EscapeString(p.mostName))
	}
	for _, l := range p.lines {
		fmt.Fprintf(&b, `<path class="line %s" d="%s"/>`, l.class, path(l.points, &x, &y))
	}
	p.drawNames(&b, &x, &y)
	p.drawHints(&b, &x)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func seconds(v float64) string { return fmt.Sprintf("%g s", math.Round(v*100)/100) }

func drawAxes(b *strings.Builder, x, y *axis, showX, showY func(float64) string) {
	for _, v := range y.ticks() {
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="y" x="%g" y="%.1f">%s</text>`,
			left, width-right, y.at(v), y.at(v), left-6, y.at(v)+4, html.EscapeString(showY(v)))
	}
	for _, v := range x.ticks() {
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="x" x="%.1f" y="%g">%s</text>`,
			x.at(v), x.at(v), height-under, height-under+4, x.at(v), height-under+18, html.EscapeString(showX(v)))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%g" x2="%g" y1="%g" y2="%g"/>`, left, width-right, height-under, height-under)
}

// path is the way of a line, with a gap where nothing is known. A point by itself is a dot.
func path(points []point, x, y *axis) string {
	var b strings.Builder
	for i, at := range points {
		if !at.known {
			continue
		}
		alone := (i == 0 || !points[i-1].known) && (i+1 == len(points) || !points[i+1].known)
		switch {
		case alone:
			fmt.Fprintf(&b, "M%.1f %.1fh0.1", x.at(at.x), y.at(at.y))
		case i == 0 || !points[i-1].known:
			fmt.Fprintf(&b, "M%.1f %.1f", x.at(at.x), y.at(at.y))
		default:
			fmt.Fprintf(&b, "L%.1f %.1f", x.at(at.x), y.at(at.y))
		}
	}
	return b.String()
}

// drawNames writes each line's name where the line ends, one below the other where they would meet.
func (p *plot) drawNames(b *strings.Builder, x, y *axis) {
	type name struct {
		text, class string
		x, y        float64
	}
	var names []name
	for _, l := range p.lines {
		for i := len(l.points) - 1; i >= 0; i-- {
			if at := l.points[i]; at.known {
				names = append(names, name{l.name, l.class, x.at(at.x), y.at(at.y)})
				break
			}
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return int(math.Copysign(1, a.y-b.y)) })
	lowest := height - under
	for i := len(names) - 1; i >= 0; i-- {
		names[i].y = min(names[i].y, lowest)
		lowest = names[i].y - labelHeight
	}
	for i := range names {
		if i > 0 {
			names[i].y = max(names[i].y, names[i-1].y+labelHeight)
		}
		names[i].y = max(names[i].y, top+4)
		fmt.Fprintf(b, `<text class="name %s" x="%g" y="%.1f">%s</text>`, names[i].class, width-right+6, names[i].y+4, html.EscapeString(names[i].text))
	}
}

// drawHints lets a pointer ask for the values at a moment.
func (p *plot) drawHints(b *strings.Builder, x *axis) {
	longest := 0
	for i := range p.lines {
		if len(p.lines[i].points) > len(p.lines[longest].points) {
			longest = i
		}
	}
	before := x.low
	for i, at := range p.lines[longest].points {
		var hint strings.Builder
		hint.WriteString(seconds(at.x))
		for _, l := range p.lines {
			if i < len(l.points) && l.points[i].known {
				hint.WriteString("\n" + l.name + ": " + p.show(l.points[i].y))
			}
		}
		fmt.Fprintf(b, `<rect class="hint" x="%.1f" y="%g" width="%.1f" height="%g"><title>%s</title></rect>`,
			x.at(before), top, max(x.at(at.x)-x.at(before), 0.1), height-under-top, html.EscapeString(hint.String()))
		before = at.x
	}
}
