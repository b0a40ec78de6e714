package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/compare"
)

//go:embed index.html
var indexText string

var indexPage = template.Must(template.New("index").Parse(indexText))

// link is a run of a workload, and the file of its page.
type link struct{ Name, File, Verdict string }

// WriteIndex writes a page with the medians of several runs, with links to their pages:
// NAME-1.html and on, in the directory of the index.
func WriteIndex(w io.Writer, title string, runs []*bench.Report) error {
	type workload struct {
		compare.Summary
		Links []link
		SVG   template.HTML
	}
	v := struct {
		Title     string
		Style     template.CSS
		Run       []row
		Last      *bench.Report
		Workloads []workload
	}{Title: title, Style: template.CSS(style)}
	if len(runs) > 0 {
		v.Last = runs[len(runs)-1]
		v.Run = settings(v.Last)[3:]
	}
	for _, s := range compare.Summaries(runs) {
		one := workload{Summary: s}
		for _, r := range runs {
			if r.Name != s.Name {
				continue
			}
			n := len(one.Links) + 1
			one.Links = append(one.Links, link{fmt.Sprint(n), fmt.Sprintf("%s-%d.html", r.Name, n), verdict(r)})
			if n == 1 {
				one.SVG = overview(r)
			}
		}
		v.Workloads = append(v.Workloads, one)
	}
	return indexPage.Execute(w, v)
}

// overview is the plot that says most of a run.
func overview(rep *bench.Report) template.HTML {
	t := times{rep: rep}
	t.measured()
	name, _ := rep.Heard()
	return t.latencies(name).SVG()
}
