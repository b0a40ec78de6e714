package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// found searches on a server that holds up to a rate, in a run with the number given.
func found(first float64, holds func(run int, rate float64) bool, saturated float64) *SearchPart {
	runs := 0
	s := search{
		cfg: Config{Rate: first},
		run: func(_ context.Context, cfg Config) (*Report, error) {
			rep := &Report{OK: true, Parameters: Parameters{Rate: cfg.Rate}}
			rep.Generator.Saturated = saturated > 0 && cfg.Rate > saturated
			return rep, nil
		},
		holds: func(rep *Report) (bool, string) {
			runs++
			return holds(runs, rep.Parameters.Rate), fmt.Sprint(rep.Parameters.Rate)
		},
	}
	rep, err := s.find(context.Background())
	if err != nil || rep.Search == nil {
		panic(fmt.Sprint(err, rep))
	}
	return rep.Search
}

func TestTheHighestRateIsFound(t *testing.T) {
	for _, limit := range []float64{5, 99, 100, 777, 123_456} {
		part := found(0, func(_ int, rate float64) bool { return rate <= limit }, 0)
		if part.Rate > limit || part.Rate < limit/1.06-1 || len(part.Probes) > 25 {
			t.Errorf("limit %v: found %v with %d runs", limit, part.Rate, len(part.Probes))
		}
		if last := part.Probes[len(part.Probes)-1]; !last.Again || !last.Held || last.Rate != part.Rate {
			t.Errorf("limit %v: not confirmed: %+v", limit, last)
		}
	}
}

func TestARateThatHeldByChanceIsNotTheAnswer(t *testing.T) {
	lucky := true // it holds once at 150 or more
	part := found(100, func(_ int, rate float64) bool {
		if rate >= 150 && lucky {
			lucky = false
			return true
		}
		return rate < 150
	}, 0)
	if part.Rate >= 150 || part.Rate < 130 {
		t.Errorf("found %v", part.Rate)
	}
}

func TestASearchThatCannotEndWellSaysWhy(t *testing.T) {
	if part := found(100, func(int, float64) bool { return false }, 0); part.Rate != 0 || part.Ended == "" {
		t.Errorf("%+v", part)
	}
	part := found(100, func(int, float64) bool { return true }, 1000)
	if part.Rate > 1000 || part.Rate < 900 || !strings.Contains(part.Ended, "generator was saturated") {
		t.Errorf("%+v", part)
	}
	if _, err := FindRate(context.Background(), Config{Scenario: Idle}, "", nil); err == nil {
		t.Error("a search without senders was begun")
	}
}
