package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Probe is one run of a search for the highest rate.
type Probe struct {
	Rate  float64 `json:"rate_per_s"`
	Held  bool    `json:"held"`
	Again bool    `json:"again"` // it confirms the probe before it
	Is    string  `json:"is"`    // what was asked for, as it was
}

// SearchPart is how the highest rate that holds was found.
type SearchPart struct {
	Asked  string  `json:"asked"`
	Rate   float64 `json:"rate_per_s"` // the highest that held, and once more when it was tried again; zero: none did
	Probes []Probe `json:"probes"`
	Ended  string  `json:"ended"` // why it went no higher
}

const (
	firstRate   = 100.0 // where none is given
	probesMax   = 40
	rateStepMin = 1.05 // the search ends where what holds and what does not are as near
)

// errSearch is a search whose configuration makes none possible.
var errSearch = errors.New("a search sets the rate of the open loop: in-flight, ramp and scenarios in which nobody sends by the clock must be left out")

// FindRate runs again and again to find the highest rate for which holds, which says what
// it saw, is true, and returns the report of the run that confirmed it. It doubles the rate
// until it does not hold, halves the distance until it knows the rate to 5 %, and tries that
// one again, going down where it does not hold twice. The configuration's rate is the first.
func FindRate(ctx context.Context, cfg Config, asked string, holds func(*Report) (held bool, is string)) (*Report, error) {
	if cfg.InFlight != 0 || len(cfg.Ramp) > 0 || cfg.Scenario == Idle || cfg.Scenario == History {
		return nil, &ConfigError{errSearch}
	}
	s := search{cfg: cfg, run: Run, holds: holds, part: SearchPart{Asked: asked}}
	return s.find(ctx)
}

func (s *search) find(ctx context.Context) (*Report, error) {
	low, high := 0.0, math.Inf(1)
	for rate := or(s.cfg.Rate, firstRate); rate > 0 && s.goesOn(ctx); rate = nextRate(low, high) {
		held, err := s.probe(ctx, rate, false)
		switch {
		case err != nil:
			return nil, err
		case held:
			low = rate
		default:
			high = rate
		}
	}
	for ; low > 0 && s.goesOn(ctx); low /= rateStepMin {
		held, err := s.probe(ctx, low, true)
		if err != nil {
			return nil, err
		}
		if held {
			s.part.Rate = math.Round(low)
			break
		}
	}
	if ctx.Err() != nil {
		s.part.Ended = "interrupted"
	}
	if s.last != nil {
		s.last.Search = &s.part
	}
	return s.last, nil
}

// nextRate is what to try after low held and high did not; zero: they are near enough.
func nextRate(low, high float64) float64 {
	switch {
	case math.IsInf(high, 1) && low < rateMax:
		return min(2*low, rateMax)
	case low == 0 && high > 4:
		return high / 4
	case low == 0 || high/low <= rateStepMin:
		return 0
	}
	return math.Sqrt(low * high)
}

// search is the state of FindRate.
type search struct {
	cfg   Config
	run   func(context.Context, Config) (*Report, error)
	holds func(*Report) (bool, string)
	part  SearchPart
	last  *Report
}

func (s *search) goesOn(ctx context.Context) bool {
	return ctx.Err() == nil && len(s.part.Probes) < probesMax
}

// probe runs once. A run with faults, or one of a generator that was saturated, does not hold.
func (s *search) probe(ctx context.Context, rate float64, again bool) (held bool, err error) {
	cfg := s.cfg
	cfg.Rate = math.Round(rate)
	if s.last, err = s.run(ctx, cfg); err != nil {
		return false, err
	}
	held, is := s.holds(s.last)
	switch {
	case !s.last.OK:
		held, is = false, is+"; "+s.last.Faults[0]
	case s.last.Generator.Saturated:
		held, is = false, is+"; generator saturated"
	}
	held = held && !s.last.Interrupted
	s.part.Probes = append(s.part.Probes, Probe{Rate: cfg.Rate, Held: held, Again: again, Is: is})
	word := "holds"
	if !held {
		word = "does not hold"
		s.part.Ended = fmt.Sprintf("%.0f/s does not hold", cfg.Rate)
		if s.last.Generator.Saturated {
			s.part.Ended = fmt.Sprintf("the generator was saturated at %.0f/s: the server may hold more", cfg.Rate)
		}
	}
	if s.cfg.Progress != nil {
		_, _ = fmt.Fprintf(s.cfg.Progress, "%.0f/s %s: %s\n", cfg.Rate, word, is) // progress is for people
	}
	return held, nil
}

func (rep *Report) writeSearch(line liner) {
	s := rep.Search
	if s == nil {
		return
	}
	if s.Rate > 0 {
		line("highest", "%.0f messages/s with %s; %s", s.Rate, s.Asked, s.Ended)
	} else {
		line("highest", "no rate holds %s; %s", s.Asked, s.Ended)
	}
	for _, p := range s.Probes {
		line("", "%8.0f/s %-5s %s%s", p.Rate, map[bool]string{true: "holds", false: "not"}[p.Held], p.Is, where(p.Again, " (again)"))
	}
}
