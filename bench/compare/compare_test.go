package compare

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench"
)

// The distribution of U against that of every choice of ranks.
func TestTheDistributionIsExact(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for m := 1; m <= 5; m++ {
			counts, all := make([]float64, n*m+1), 0.0
			for chosen := range 1 << (n + m) {
				u, others, picked := 0, 0, 0
				for rank := range n + m {
					if chosen&(1<<rank) != 0 {
						u += others
						picked++
					} else {
						others++
					}
				}
				if picked == n {
					counts[u]++
					all++
				}
			}
			sum := 0.0
			got := cumulative(n, m)
			for u, c := range counts {
				sum += c / all
				if math.Abs(got[u]-sum) > 1e-12 {
					t.Fatalf("%d and %d: P(U <= %d) = %v, want %v", n, m, u, got[u], sum)
				}
			}
		}
	}
}

func TestARatioIsFoundWithItsInterval(t *testing.T) {
	a := []float64{100, 101, 99, 102}
	i := ratioOf(a, []float64{200, 202, 198, 203})
	if math.Abs(i.Ratio-2) > 0.03 || i.Low < 1.9 || i.High > 2.1 || i.P > 0.03 {
		t.Errorf("%+v", i)
	}
	if i = ratioOf(a, []float64{100, 102, 98, 103}); i.Low > 1 || i.High < 1 || i.P < 0.5 {
		t.Errorf("what is alike: %+v", i)
	}
	if i = ratioOf(a[:3], []float64{200, 202, 198}); i.Low != 0 || i.P < 0.09 {
		t.Errorf("three against three: %+v", i)
	}
	if i = ratioOf(a[:1], []float64{50}); math.Abs(i.Ratio-0.5) > 1e-9 || i.Low != 0 || i.P != 1 {
		t.Errorf("one against one: %+v", i)
	}
	if i = ratioOf(a, a); math.Abs(i.Ratio-1) > 1e-9 || i.P != 1 {
		t.Errorf("the same: %+v", i)
	}
}

// An interval that is 95 % sure holds the true ratio in 95 of 100 cases or more.
func TestIntervalsHoldWhatTheyPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const times, ratio = 2000, 1.3
	held := 0
	for range times {
		a, b := make([]float64, 6), make([]float64, 5)
		for i := range a {
			a[i] = math.Exp(random.NormFloat64() / 3)
		}
		for i := range b {
			b[i] = ratio * math.Exp(random.NormFloat64()/3)
		}
		if i := ratioOf(a, b); i.Low <= ratio && ratio <= i.High {
			held++
		}
	}
	if held < times*94/100 {
		t.Errorf("%d of %d intervals hold the ratio", held, times)
	}
}

func runs(name string, p99s ...float64) (all []*bench.Report) {
	for _, p99 := range p99s {
		r := &bench.Report{Name: name, Scenario: bench.Pairs, OK: true}
		r.Latency.Delivery.P99 = p99
		r.Deliveries.PerSecond = 1e6 / p99
		all = append(all, r)
	}
	return all
}

func TestVerdictsAreHonest(t *testing.T) {
	before := runs("pairs", 100, 101, 102, 103)
	for name, c := range map[string]struct {
		after []*bench.Report
		want  Verdict // of the p99; of the rate the same, as it goes the other way
	}{
		"slower":  {runs("pairs", 120, 121, 122, 123), Worse},
		"faster":  {runs("pairs", 80, 81, 82, 83), Better},
		"alike":   {runs("pairs", 99, 104, 101, 103), NoDifference},
		"too few": {runs("pairs", 10, 11), TooFew},
	} {
		got := Of("a", "b", before, c.after)
		for _, f := range got.Workloads[0].Figures {
			if f.Verdict != c.want {
				t.Errorf("%s: %s: %s, want %s", name, f.Name, f.Verdict, c.want)
			}
		}
		var b strings.Builder
		if err := got.WriteText(&b); err != nil || !strings.Contains(b.String(), string(c.want)) {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}

func TestWhatCannotBeComparedIsSaid(t *testing.T) {
	a, b := runs("pairs", 1, 2, 3, 4), runs("pairs", 1, 2, 3, 4)
	a[0].OK, a[1].Generator.Saturated = false, true
	b[3].Machine.Kernel, b[0].Machine.Kernel = "6", "6"
	b[0].Parameters.Connections = 5
	c := Of("old", "new", a, append(b, runs("other", 5)...))
	notes := strings.Join(c.Notes, "\n")
	for _, want := range []string{"had faults", "saturated", "kernel is not the same", "not asked for the same", "other: there are 0 runs of old"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if len(c.Workloads) != 1 || c.Workloads[0].RunsA != 2 {
		t.Errorf("%+v", c.Workloads)
	}
}

func TestRunsAreLoadedFromFilesAndDirectories(t *testing.T) {
	dir := t.TempDir()
	for name, v := range map[string]any{"1.json": runs("pairs", 1)[0], "2.json": bench.Report{Scenario: bench.Idle}, "x.json": map[string]int{"a": 1}, "y.txt": 5} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Load(dir)
	if err != nil || len(all) != 2 || !slices.ContainsFunc(all, func(r *bench.Report) bool { return r.Name == "idle" }) {
		t.Errorf("%d reports, %v", len(all), err)
	}
	if _, err := Load(filepath.Join(dir, "x.json")); err == nil || !strings.Contains(err.Error(), "no report") {
		t.Errorf("error %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--json") {
		t.Errorf("error %v", err)
	}
}
