package bench

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// RampPoint says how many messages a second are sent at a moment of the measured time.
// Between two points the rate goes evenly from one to the other.
type RampPoint struct {
	At   time.Duration
	Rate float64 // messages a second by all senders together
}

const rampPointsMax = 100

// ParseRamp reads points such as 0s=100,30s=2000,40s=2000.
func ParseRamp(text string) ([]RampPoint, error) {
	var points []RampPoint
	for part := range strings.SplitSeq(text, ",") {
		at, rate, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%q is no point such as 30s=2000", part)
		}
		after, err := time.ParseDuration(at)
		if err != nil {
			return nil, fmt.Errorf("%q is no time such as 30s", at)
		}
		r, err := strconv.ParseFloat(rate, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no rate such as 2000", rate)
		}
		points = append(points, RampPoint{after, r})
		if len(points) > rampPointsMax {
			return nil, fmt.Errorf("more than %d points", rampPointsMax)
		}
	}
	return points, checkRamp(points, 0)
}

// showRamp writes points as ParseRamp reads them.
func showRamp(points []RampPoint) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = fmt.Sprintf("%v=%g", p.At, p.Rate)
	}
	return strings.Join(parts, ",")
}

const rateMax = 1e8

func checkRamp(points []RampPoint, rate float64) error {
	switch {
	case len(points) == 0:
		return nil
	case rate != 0:
		return errors.New("ramp says the rate, so rate must be left out")
	case len(points) < 2 || points[0].At != 0:
		return errors.New("ramp: it needs two points or more, and the first at 0s")
	}
	some := false
	for i, p := range points {
		if math.IsNaN(p.Rate) || p.Rate < 0 || p.Rate > rateMax {
			return fmt.Errorf("ramp: a rate of %g is not within 0 to %g", p.Rate, rateMax)
		}
		if i > 0 && p.At <= points[i-1].At {
			return errors.New("ramp: each point must be later than the one before it")
		}
		some = some || p.Rate > 0
	}
	if !some {
		return errors.New("ramp: nothing would be sent")
	}
	return nil
}

// schedule says when the nth message is sent, of a rate that may change with time. Times are
// in ns since the plan's start, rates in messages a ns.
type schedule []piece

type piece struct {
	from, lasts float64
	rate, to    float64 // at its beginning and its end
	before      float64 // messages before it
}

// newSchedule makes the schedule of a share of all messages: the first rate while it warms
// up, and the last one for what is after the end.
func newSchedule(cfg *Config, share float64) schedule {
	points := cfg.Ramp
	if len(points) == 0 {
		points = []RampPoint{{0, cfg.Rate}}
	}
	const perNS = 1e-9
	share *= perNS
	warmup, last := float64(cfg.Warmup), points[len(points)-1]
	s := schedule{{lasts: warmup, rate: points[0].Rate * share, to: points[0].Rate * share}}
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		s = append(s, piece{from: warmup + float64(a.At), lasts: float64(b.At - a.At), rate: a.Rate * share, to: b.Rate * share})
	}
	s = append(s, piece{from: warmup + float64(last.At), lasts: math.Inf(1), rate: last.Rate * share, to: last.Rate * share})
	for i := 1; i < len(s); i++ {
		s[i].before = s[i-1].before + (s[i-1].rate+s[i-1].to)/2*s[i-1].lasts
	}
	return s
}

// never is later than every run.
const never = int64(1) << 60

// at is when a message is due, by how many come before it.
func (s schedule) at(n float64) int64 {
	i := len(s) - 1
	for i > 0 && s[i].before > n {
		i--
	}
	p := &s[i]
	n -= p.before
	steeper := 0.0
	if !math.IsInf(p.lasts, 1) && p.lasts > 0 {
		steeper = (p.to - p.rate) / (2 * p.lasts)
	}
	// The later root of rate*t + steeper*t² = n, in the form that never divides by nothing.
	under := p.rate + math.Sqrt(max(p.rate*p.rate+4*steeper*n, 0))
	switch {
	case n == 0:
		return int64(p.from)
	case under == 0:
		return never
	}
	return int64(p.from + 2*n/under)
}
