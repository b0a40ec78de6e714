package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Messages leave as often as the ramp says at each moment, and none twice.
func TestARampIsKept(t *testing.T) {
	points, err := ParseRamp("0s=0, 10s=1000,20s=1000,25s=100")
	if err != nil {
		t.Fatal(err)
	}
	s := newSchedule(&Config{Ramp: points, Warmup: time.Second}, 0.5)
	counts, last := map[int]int{}, int64(0)
	for n := 0.0; ; n++ {
		at := s.at(n)
		if at < last {
			t.Fatalf("message %v is due at %d, before %d", n, at, last)
		}
		if last = at; at > int64(30*time.Second) {
			break
		}
		counts[int(at/int64(time.Second))]++
	}
	for second, want := range map[int]int{0: 0, 1: 25, 5: 225, 10: 475, 15: 500, 22: 365, 28: 50} {
		if got := counts[second]; math.Abs(float64(got-want)) > 2 {
			t.Errorf("second %d: %d messages, want %d", second, got, want)
		}
	}
	if got := showRamp(points); got != "0s=0,10s=1000,20s=1000,25s=100" {
		t.Errorf("shown as %q", got)
	}
}

func TestAConstantRateIsConstant(t *testing.T) {
	s := newSchedule(&Config{Rate: 1000, Warmup: 3 * time.Second}, 1)
	for _, n := range []float64{0, 1, 2999, 3000, 3001, 1e6} {
		if got, want := s.at(n), int64(n*1e6); got < want-2 || got > want+2 {
			t.Errorf("message %v is due at %d, want %d", n, got, want)
		}
	}
}

func TestWhatIsWrongWithARampIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"": "no point", "5": "no point", "x=5": "no time", "0s=x": "no rate", "0s=5": "two points", "1s=5,2s=5": "the first at 0s",
		"0s=5,0s=6": "later", "0s=0,5s=0": "nothing would be sent", "0s=-1,5s=1": "not within", "0s=NaN,5s=1": "not within",
		"0s=1" + strings.Repeat(",1s=1", 200): "more than",
	} {
		if p, err := ParseRamp(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, %v; want %q", text, p, err, want)
		}
	}
}

func FuzzParseRamp(f *testing.F) {
	f.Add("0s=0,10s=1000")
	f.Fuzz(func(t *testing.T, text string) {
		points, err := ParseRamp(text)
		if err != nil {
			return
		}
		s := newSchedule(&Config{Ramp: points}, 1)
		for n, last := 0.0, int64(math.MinInt64); n < 100; n++ {
			at := s.at(n)
			if at < last || at < 0 {
				t.Fatalf("%q: message %v is due at %d after %d", text, n, at, last)
			}
			last = at
		}
	})
}
