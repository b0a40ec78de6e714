package page

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/compare"
)

func report() *bench.Report {
	rep := &bench.Report{Name: "rooms <&>", Scenario: bench.Rooms, OK: true, Server: &bench.ServerPart{CPUPerDeliveryUS: 0.5, RSSPerConnection: 1500}}
	rep.Environment.StartedAt = time.Unix(1e9, 0).UTC()
	rep.Environment.Servers = []bench.ServerProcess{{URL: "ws://x", PID: 5, Command: []string{"caravan", "serve"}}}
	rep.Machine.Cores = 2
	rep.Deliveries.PerSecond, rep.Deliveries.Received, rep.Messages.Sent = 1200, 9, 9
	rep.Latency.Delivery = bench.Latency{Count: 9, P50: 1500, P99: 40_000}
	rep.Histograms.Delivery = []bench.Bin{{FromUS: 1000, ToUS: 1200, Count: 5}, {FromUS: 1200, ToUS: 1500}, {FromUS: 1500, ToUS: 1800, Count: 4}}
	for i := range 8 {
		s := bench.Second{AtS: float64(i + 1), TookS: 1, Stage: "measure", Deliveries: int64(100 * i), Sent: 5, ServerCores: 0.3, ServerRSS: 1 << 25, KernelBytes: 1 << 20}
		s.Delivery = bench.Percentiles{Count: 5, P50: 1500, P90: 3e3, P99: 4e4, Max: 9e4}
		if i == 3 {
			s.Delivery = bench.Percentiles{} // a second in which nothing was sent
		}
		rep.Series = append(rep.Series, s)
	}
	return rep
}

func page(t *testing.T, rep *bench.Report) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAPageShowsARunAndNeedsNothingElse(t *testing.T) {
	text := page(t, report())
	for _, want := range []string{"<title>rooms &lt;&amp;&gt;", "Latency of delivery", "Latency histogram", "Processors", "Memory", "1.50 ms", "prefers-color-scheme", "@media print"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, bad := range []string{"http://", "https://", "<script", "src=", "@import", "url(", "NaN", "Inf", "ZgotmplZ", "%!"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q in the page", bad)
		}
	}
}

func TestDrawingsAreWellFormed(t *testing.T) {
	drawn := drawings(report())
	if len(drawn) < 6 {
		t.Errorf("%d drawings", len(drawn))
	}
	for _, d := range drawn {
		decoder := xml.NewDecoder(strings.NewReader(string(d.SVG)))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", d.Title, err)
				break
			}
		}
	}
}

// Runs that measured hardly anything have a page, too.
func TestEmptyRunsHaveAPage(t *testing.T) {
	if text := page(t, &bench.Report{}); !strings.Contains(text, "failed") {
		t.Error("an empty report is no clean one")
	}
	rep := report()
	rep.Generator.Saturated, rep.Generator.Why = true, "it was busy"
	if text := page(t, rep); !strings.Contains(text, "Generator saturated") {
		t.Error("a saturated generator is not told")
	}
}

func TestAnIndexLeadsToEveryRun(t *testing.T) {
	var b strings.Builder
	second := report()
	second.OK = false
	if err := WriteIndex(&b, "The standard set", []*bench.Report{report(), second}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 runs", "-1.html", "-2.html", "(failed)", "delivery p99"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the index", want)
		}
	}
}

func TestTicksAreRoundAndFew(t *testing.T) {
	for _, a := range []axis{{low: 0, high: 7}, {low: 0, high: 1e-3}, {low: 0, high: 123456}, {low: 3, high: 8, logarithmic: true}, {low: 1, high: 1e8, logarithmic: true}} {
		ticks := a.ticks()
		if len(ticks) < 1 || len(ticks) > 10 {
			t.Errorf("%+v: %v", a, ticks)
		}
		for _, v := range ticks {
			digit := v / math.Pow(10, math.Floor(math.Log10(max(v, 1e-9))))
			if v < a.low*0.99 || v > a.high*1.01 || (a.logarithmic && math.Abs(digit-math.Round(digit)) > 1e-6) {
				t.Errorf("%+v: tick %v", a, v)
			}
		}
	}
}

func TestAComparisonHasAPage(t *testing.T) {
	var a, b []*bench.Report
	for i := range 4 {
		for _, side := range []struct {
			runs *[]*bench.Report
			p99  float64
		}{{&a, 1000 + float64(i)}, {&b, 2000 + float64(i)}} {
			r := report()
			r.Latency.Delivery.P99 = side.p99
			*side.runs = append(*side.runs, r)
		}
	}
	var out strings.Builder
	if err := WriteComparison(&out, compare.Of("old", "new", a, b)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"new against old", "range worse", "no difference shown", "2.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "http"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q in the page", bad)
		}
	}
}

// The drawing stands by itself: it is well-formed, knows both schemes of colours, and needs nothing.
func TestBarsAreADrawingByItself(t *testing.T) {
	var b strings.Builder
	err := WriteBars(&b, &Bars{Title: "a <&> b", Note: "less is better", Groups: []BarGroup{
		{Name: "one", Bars: []Bar{{Name: "floor", Value: 0.5, Text: "0.50 µs"}, {Name: "caravan", Value: 1, Text: "1 µs", Own: true}}},
		{Name: "nothing", Bars: []Bar{{Name: "zero"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"prefers-color-scheme: dark", "0.50 µs", "a &lt;&amp;&gt; b"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in it", want)
		}
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "url(") {
		t.Error(b.String())
	}
}
