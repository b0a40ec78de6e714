package page

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Bars are values of several things, side by side in groups, as a drawing that stands by itself.
type Bars struct {
	Title, Note string
	Groups      []BarGroup
}

// BarGroup is what is compared under one name.
type BarGroup struct {
	Name string
	Bars []Bar
}

// Bar is one value. Text is how it is written beside the bar; Own ones stand out.
type Bar struct {
	Name, Text string
	Value      float64
	Own        bool
}

// Where things stand in the drawing, in its units.
const (
	barsWidth   = 760.0
	barsLeft    = 150.0
	barsRight   = 190.0
	barHeight   = 15.0
	barStep     = 20.0
	groupHead   = 30.0
	groupGap    = 12.0
	barsTop     = 54.0
	barsMargin  = 16.0
	shortestBar = 2.0
)

// barsStyle has both schemes of colours, so that a page which shows the drawing as an image need not know
// which one its reader has.
const barsStyle = `
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #57606a; }
.title { font-size: 15px; font-weight: 600; } .title, .group, .own { fill: #1f2328; } .group, .own { font-weight: 600; }
.name { text-anchor: end; } rect { fill: #9aa5b0; } rect.own { fill: #1d69c8; }
.ground { fill: #ffffff; } line { stroke: #d0d7de; }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; } .title, .group, text.own { fill: #f0f6fc; }
  rect { fill: #626d78; } rect.own { fill: #6fb1ff; } .ground { fill: #0d1117; } line { stroke: #3d444d; }
}`

// WriteBars writes the drawing as an SVG file. The longest bar has the whole width, and all have one scale.
func WriteBars(w io.Writer, chart *Bars) error {
	height, most := barsTop+barsMargin, 0.0
	for _, g := range chart.Groups {
		height += groupHead + barStep*float64(len(g.Bars)) + groupGap
		for _, b := range g.Bars {
			most = max(most, b.Value)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" aria-label="%s"><style>%s</style>`,
		barsWidth, height, html.EscapeString(chart.Title), barsStyle)
	fmt.Fprintf(&b, "\n<rect class=\"ground\" width=\"%g\" height=\"%g\" rx=\"8\"/>", barsWidth, height)
	fmt.Fprintf(&b, "\n<text class=\"title\" x=\"%g\" y=\"26\">%s</text>\n<text x=\"%g\" y=\"45\">%s</text>",
		barsMargin, html.EscapeString(chart.Title), barsMargin, html.EscapeString(chart.Note))
	y := barsTop
	for _, g := range chart.Groups {
		fmt.Fprintf(&b, "\n<text class=\"group\" x=\"%g\" y=\"%g\">%s</text>", barsMargin, y+20, html.EscapeString(g.Name))
		y += groupHead
		for _, bar := range g.Bars {
			drawBar(&b, &bar, y, most)
			y += barStep
		}
		fmt.Fprintf(&b, "\n<line x1=\"%g\" x2=\"%g\" y1=\"%g\" y2=\"%g\"/>", barsLeft, barsLeft, y-barStep*float64(len(g.Bars))-3, y-2)
		y += groupGap
	}
	b.WriteString("\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func drawBar(b *strings.Builder, bar *Bar, y, most float64) {
	class := "name"
	own := ""
	if bar.Own {
		class, own = "name own", ` class="own"`
	}
	long := shortestBar
	if most > 0 {
		long = max(bar.Value/most*(barsWidth-barsLeft-barsRight), shortestBar)
	}
	fmt.Fprintf(b, "\n<text class=\"%s\" x=\"%g\" y=\"%g\">%s</text><rect%s x=\"%g\" y=\"%g\" width=\"%.1f\" height=\"%g\" rx=\"2\"/><text%s x=\"%.1f\" y=\"%g\">%s</text>",
		class, barsLeft-8, y+12, html.EscapeString(bar.Name), own, barsLeft, y, long, barHeight, own, barsLeft+long+8, y+12, html.EscapeString(bar.Text))
}
