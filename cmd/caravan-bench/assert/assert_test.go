package assert

import (
	"math"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench"
)

func report() *bench.Report {
	rep := &bench.Report{}
	rep.Latency.Delivery = bench.Latency{Count: 5, P50: 2_000, P99: 49_999}
	rep.Latency.OwnEcho = bench.Latency{Count: 5, P99: 60_000}
	rep.Messages.PerSecond = 1500
	rep.Generator.BusyShare = 0.5
	return rep
}

func TestConditionsHoldOrNot(t *testing.T) {
	for text, want := range map[string]bool{
		"p99<50ms":                true,
		"p99 < 49.9 ms":           false,
		"P99<=0.05s":              true,
		"delivery.p50==2ms":       true,
		"echo.p99<50ms":           false,
		"echo.p99>=60000us":       true,
		"lost==0":                 true,
		"lost!=0":                 false,
		"messages>1.4k":           true,
		"messages>1500/s":         false,
		"generator<60%":           true,
		"generator<0.4":           false,
		"cpu<100":                 false, // it was not measured
		"connect.p99<1s":          false, // likewise
		"rss_per_connection<2KiB": false,
	} {
		conditions, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if a := Check(conditions, report())[0]; a.Holds != want {
			t.Errorf("%s: %+v, want %v", text, a, want)
		}
	}
	if conditions, err := Parse("p99<50ms, lost==0"); err != nil || len(conditions) != 2 {
		t.Errorf("%+v, %v", conditions, err)
	}
}

func TestWhatIsWrongWithAConditionIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "empty",
		"p99<50ms,":                     "empty",
		"p99":                           "compares nothing",
		"p99=5ms":                       "no such comparison",
		"p99!5ms":                       "no such comparison",
		"p98<5ms":                       "did you mean",
		"losst==0":                      "did you mean lost?",
		"frobnication<5":                "there are",
		"p99<50":                        "50ms",
		"p99<x":                         "no number",
		"p99<":                          "no number",
		"p99<5KiB":                      "no unit \"KiB\"",
		"lost==0ms":                     "no unit \"ms\"",
		"p99<<5ms":                      "no number",
		strings.Repeat("lost==0,", 100): "too many",
		strings.Repeat("x", 5000):       "too many",
	} {
		if c, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v %v, want %q", text, c, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"p99<50ms,lost==0", "echo.p99.9>=1.5 s", "generator!=5%", "µ<", "messages>1e3k/s", "rss<1GiB,,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		conditions, err := Parse(text)
		if err != nil {
			if err.Error() == "" || conditions != nil {
				t.Fatalf("%q: %v with %v", text, err, conditions)
			}
			return
		}
		for i := range conditions {
			c := &conditions[i]
			if math.IsNaN(c.Value) || c.Op == "" || c.Text == "" {
				t.Fatalf("%q: %+v", text, c)
			}
			again, err := Parse(c.Text)
			if err != nil || len(again) != 1 || again[0] != *c {
				t.Fatalf("%q: read again as %+v, %v", c.Text, again, err)
			}
		}
		Check(conditions, report())
	})
}
