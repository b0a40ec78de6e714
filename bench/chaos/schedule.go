// Package chaos breaks the parts of a deployment on a schedule that a seed
// decides, and mends them again. It knows no server and no database: what a
// fault does is up to whoever describes the parts.
package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// Part is something that can break: a server, a database. Its faults come one at
// a time; those of different parts may overlap.
type Part struct {
	Name   string
	Faults []Fault
}

// Fault is one way to break a part. The functions return what is worth telling.
type Fault struct {
	Name     string
	Min, Max time.Duration // how long it lasts; both zero: it mends itself
	Break    func(ctx context.Context) (string, error)
	Mend     func(ctx context.Context) (string, error) // nil where it mends itself

	// Mending is how long Mend takes, about: that long nothing else happens to the part.
	Mending time.Duration

	// Among are faults of which one happens in place of this one, as the seed decides.
	Among []Fault
}

// Step is one fault at one time.
type Step struct {
	At  time.Duration // since the beginning
	For time.Duration // until it is mended; zero: it mends itself
	// Positions in the parts, in the part's faults, and in what the fault is one of.
	Part, Fault, Choice int
}

// Schedule is what happens to parts, in the order of time.
type Schedule struct {
	parts []Part
	steps []Step
}

const (
	firstFault  = 500 * time.Millisecond // before it all is well
	betweenTwo  = 500 * time.Millisecond // a part has this long between two of its faults
	granularity = 10 * time.Millisecond
)

// Draw returns a schedule of faults that are pace apart on average and over
// within length. It depends on its arguments and nothing else. Every fault of
// every part comes once before any comes again, as far as length allows.
func Draw(seed uint64, length, pace time.Duration, parts []Part) *Schedule {
	rng := rand.New(rand.NewPCG(seed, uint64(len(parts))))
	s := &Schedule{parts: parts}
	free := make([]time.Duration, len(parts)) // when each part is whole again
	var deck []Step
	for now := firstFault; now < length; now += between(rng, pace/2, pace*3/2) {
		if len(deck) == 0 {
			deck = shuffled(rng, parts)
		}
		if len(deck) == 0 {
			break
		}
		step := deck[0]
		deck = deck[1:]
		if among := len(parts[step.Part].Faults[step.Fault].Among); among > 0 {
			step.Choice = rng.IntN(among)
		}
		fault := s.fault(step)
		step.At = max(now, free[step.Part]).Round(granularity)
		step.For = between(rng, fault.Min, fault.Max).Round(granularity)
		whole := step.At + step.For + fault.Mending
		if whole > length {
			continue
		}
		free[step.Part] = whole + betweenTwo
		s.steps = append(s.steps, step)
	}
	slices.SortStableFunc(s.steps, func(a, b Step) int { return int(a.At - b.At) })
	return s
}

// shuffled returns every fault of every part, in any order.
func shuffled(rng *rand.Rand, parts []Part) (deck []Step) {
	for p := range parts {
		for f := range parts[p].Faults {
			deck = append(deck, Step{Part: p, Fault: f})
		}
	}
	rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)+1))
}

// fault returns what a step does.
func (s *Schedule) fault(step Step) *Fault {
	fault := &s.parts[step.Part].Faults[step.Fault]
	if len(fault.Among) > 0 {
		return &fault.Among[step.Choice]
	}
	return fault
}

// Steps returns what happens, in the order of time.
func (s *Schedule) Steps() []Step { return slices.Clone(s.steps) }

// WriteText writes the schedule for people, a line for each step.
func (s *Schedule) WriteText(w io.Writer) error {
	for _, step := range s.steps {
		lasts := ""
		if step.For > 0 {
			lasts = fmt.Sprintf(", mended after %.2fs", step.For.Seconds())
		}
		if err := s.line(w, step.At, step, lasts); err != nil {
			return err
		}
	}
	return nil
}

// line writes when something happens to which part, and more about it.
func (s *Schedule) line(w io.Writer, at time.Duration, step Step, more string) error {
	_, err := fmt.Fprintf(w, "%8.2fs  %-10s %s%s\n", at.Seconds(), s.parts[step.Part].Name, s.fault(step).Name, more)
	return err
}
