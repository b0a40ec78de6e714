package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
)

func TestBinsKnowATimeToThreeHundredths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var b bins
	var all []int64
	for range 20_000 {
		ns := int64(1) << random.IntN(39)
		ns = min(ns+random.Int64N(ns), latencyMax)
		b.record(ns)
		all = append(all, ns)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))+0.5), len(all))-1]
		if got := b.quantile(q); got < want || float64(got) > 1.04*float64(want)+1024 {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
	if b.max != all[len(all)-1] || b.n != int64(len(all)) {
		t.Errorf("%d of %d, longest %d", b.n, len(all), b.max)
	}
	b.record(-5)
	b.record(1 << 62)
	if b.max != latencyMax {
		t.Errorf("longest %d", b.max)
	}
}

func TestATimelineHoldsTimesWhereTheyBegan(t *testing.T) {
	const second = int64(time.Second)
	a, b := timeline{width: second}, timeline{width: second}
	a.record(ofEcho, second/2, 5e6)
	a.record(ofEcho, second+second/2, 7e6)
	b.record(ofEcho, second+second/3, 9e6)
	b.record(ofDelivery, 4*second, 1e6)
	a.add(&b)
	if s := a.between(second+1000, 2*second+1000); s[ofEcho].n != 2 || s[ofDelivery].n != 0 || s[ofEcho].max != 9e6 {
		t.Errorf("second 1: %+v", s[ofEcho].percentiles())
	}
	if s := a.between(0, 9*second); s[ofEcho].n != 3 || s[ofDelivery].n != 1 {
		t.Errorf("all: %+v", s[ofEcho].percentiles())
	}
	if a.seal(second/2) != nil {
		t.Error("a second was shown before it ended")
	}
	if s := a.seal(second); s == nil || s[ofEcho].n != 1 || a.seal(second+5) != nil {
		t.Error("a second that ended was not shown, or twice")
	}
	if got := slotWidth(3 * time.Hour); got != 3*time.Second {
		t.Errorf("slots of %v", got)
	}
}

// A generator that never waits cannot know when something came.
func TestASaturatedGeneratorSaysSo(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		slept    int64
		lagP50   float64
		arrivals string
		want     bool
	}{
		"idle":                 {9e8, 0, "closed", false},
		"busy":                 {1e7, 0, "closed", true},
		"late":                 {9e8, 5_000, "open", true},
		"late, but no clock":   {9e8, 5_000, "closed", false},
		"late by a timer":      {9e8, 900, "open", false},
		"late by a small part": {9e8, 2_000, "open", false},
	} {
		from := moment{at: now, glance: glance{slept: []int64{0, 0}}}
		to := moment{at: now.Add(time.Second), glance: glance{slept: []int64{9e8, c.slept}}}
		rep := &Report{Parameters: Parameters{Arrivals: c.arrivals}}
		rep.Latency.OwnEcho.P50, rep.Latency.SendLag.P50 = 10_000, c.lagP50
		if g := generator(&from, &to, rep); g.Saturated != c.want {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

func TestACommandLineShowsNoSecrets(t *testing.T) {
	in := []string{"caravan", "serve", "--rate", "0", "--jwt-secret", "-hush", "--database=postgres://u:p@h/d", "--jwt-secret-file", "/f",
		"--redis", "redis://x", "--listen=:1", "sqlite://a@b", "--x=a@b"}
	want := []string{"caravan", "serve", "--rate", "0", "--jwt-secret", "…", "--database=…", "--jwt-secret-file", "/f",
		"--redis", "…", "--listen=:1", "…", "--x=…"}
	if got := withoutSecrets(in); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLogarithmicBinsAreWholeAndInOrder(t *testing.T) {
	tally := newTally(int64(time.Second))
	for _, ns := range []int64{500, 2e3, 2.1e3, 5e8} {
		record(tally.echo, ns)
	}
	all := logBins(tally.echo)
	var n int64
	for i, b := range all {
		n += b.Count
		if b.FromUS >= b.ToUS || (i > 0 && all[i-1].ToUS != b.FromUS) {
			t.Errorf("bin %d: %+v", i, b)
		}
	}
	if n != 4 || all[0].FromUS != 1 || all[len(all)-1].ToUS < 5e5 {
		t.Errorf("%d times in %d bins from %v to %v", n, len(all), all[0].FromUS, all[len(all)-1].ToUS)
	}
}

func TestNodesAreSummed(t *testing.T) {
	at := func(rss int64, cpu time.Duration) moment {
		s := proc.Sample{RSS: rss, Anon: rss / 2, User: cpu}
		return moment{servers: []proc.Sample{s, s}}
	}
	from, to := at(100, time.Second), at(300, 2*time.Second)
	if to.rss() != 600 || to.anon() != 300 || to.serverCPU(&from) != 2*time.Second {
		t.Errorf("%d, %d, %v", to.rss(), to.anon(), to.serverCPU(&from))
	}
}
