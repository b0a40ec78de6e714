package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
)

// fragile is a part that checks that it is broken and mended in turn.
type fragile struct {
	t      *testing.T
	broken string
	breaks int
	mends  int
}

func (f *fragile) fault(name string, least, most time.Duration) chaos.Fault {
	fault := chaos.Fault{Name: name, Min: least, Max: most, Break: func(context.Context) (string, error) {
		if f.broken != "" {
			f.t.Errorf("%s begins during %s", name, f.broken)
		}
		f.breaks++
		if most > 0 {
			f.broken = name
		}
		return "broken", nil
	}}
	if most > 0 {
		fault.Mend = func(ctx context.Context) (string, error) {
			if f.broken != name || ctx.Err() != nil {
				f.t.Errorf("%s is mended during %q, context %v", name, f.broken, ctx.Err())
			}
			f.broken = ""
			f.mends++
			return "whole", nil
		}
	}
	return fault
}

func house(t *testing.T) (server, database *fragile, parts []chaos.Part) {
	server, database = &fragile{t: t}, &fragile{t: t}
	return server, database, []chaos.Part{
		{Name: "server", Faults: []chaos.Fault{server.fault("kill", time.Second, 2*time.Second), server.fault("pause", time.Second, 4*time.Second)}},
		{Name: "database", Faults: []chaos.Fault{database.fault("cut", 0, 0), database.fault("stop", time.Second, 3*time.Second)}},
	}
}

func text(t *testing.T, s *chaos.Schedule) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestASeedDecidesTheSchedule(t *testing.T) {
	_, _, parts := house(t)
	draw := func(seed uint64) *chaos.Schedule { return chaos.Draw(seed, time.Minute, 2*time.Second, parts) }
	one := text(t, draw(1))
	if again := text(t, draw(1)); again != one {
		t.Errorf("seed 1 gave\n%sand then\n%s", one, again)
	}
	if other := text(t, draw(2)); other == one {
		t.Errorf("seeds 1 and 2 gave the same\n%s", one)
	}
	for seed := range uint64(200) {
		free := map[int]time.Duration{}
		seen := map[[2]int]bool{}
		steps := draw(seed).Steps()
		if !slices.IsSortedFunc(steps, func(a, b chaos.Step) int { return int(a.At - b.At) }) {
			t.Fatalf("seed %d: out of order: %v", seed, steps)
		}
		for _, step := range steps {
			if step.At < free[step.Part] || step.At+step.For > time.Minute {
				t.Fatalf("seed %d: %+v overlaps or is too late", seed, step)
			}
			free[step.Part] = step.At + step.For
			seen[[2]int{step.Part, step.Fault}] = true
		}
		if len(seen) != 4 || len(steps) < 15 {
			t.Fatalf("seed %d: %d steps, %d of 4 faults", seed, len(steps), len(seen))
		}
	}
	if got := chaos.Draw(1, time.Minute, time.Second, nil).Steps(); len(got) != 0 {
		t.Errorf("nothing to break, and %v", got)
	}
}

func TestEverythingBreaksAndIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, database, parts := house(t)
		schedule := chaos.Draw(3, time.Minute, 2*time.Second, parts)
		var told bytes.Buffer
		began := time.Now()
		if err := schedule.Play(t.Context(), &told); err != nil {
			t.Fatal(err)
		}
		steps := schedule.Steps()
		if took := time.Since(began); took < steps[len(steps)-1].At || took > time.Minute {
			t.Errorf("it took %v", took)
		}
		if server.breaks+database.breaks != len(steps) || server.mends != server.breaks || server.broken+database.broken != "" {
			t.Errorf("%d steps; server %+v, database %+v", len(steps), server, database)
		}
		if got, want := strings.Count(told.String(), "\n"), len(steps)+server.mends+database.mends; got != want {
			t.Errorf("%d lines were told, want %d:\n%s", got, want, told.String())
		}
	})
}

func TestWhatIsBrokenIsMendedWhenItIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, database, parts := house(t)
		schedule := chaos.Draw(3, time.Hour, time.Second, parts)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		began := time.Now()
		if err := schedule.Play(ctx, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("it took %v", took)
		}
		if server.mends != server.breaks || server.broken+database.broken != "" {
			t.Errorf("server %+v, database %+v", server, database)
		}
	})
}

func TestWhatCannotBeMendedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, database, parts := house(t)
		hopeless := errors.New("hopeless")
		parts[0].Faults = parts[0].Faults[:1]
		parts[0].Faults[0].Mend = func(context.Context) (string, error) { return "", hopeless }
		var told bytes.Buffer
		err := chaos.Draw(3, time.Minute, 2*time.Second, parts).Play(t.Context(), &told)
		if !errors.Is(err, hopeless) || !strings.Contains(err.Error(), "server: kill: mending it") || !strings.Contains(told.String(), "hopeless") {
			t.Errorf("error %v; told\n%s", err, told.String())
		}
		if database.breaks < 3 {
			t.Errorf("the other part was broken %d times only", database.breaks)
		}
	})
}

// TestOneOfManyHappens: each choice comes, all of them as one fault among the part's others,
// and nothing happens to the part while it is mended.
func TestOneOfManyHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := &fragile{t: t}
		const mending = 3 * time.Second
		lasting := link.fault("lost", time.Second, 2*time.Second)
		lasting.Mending = mending
		parts := []chaos.Part{{Name: "links", Faults: []chaos.Fault{
			{Among: []chaos.Fault{link.fault("one", time.Second, 2*time.Second), link.fault("two", time.Second, 2*time.Second)}}, lasting,
		}}}
		schedule := chaos.Draw(5, 10*time.Minute, time.Second, parts)
		var free time.Duration
		counts := [3]int{}
		for _, step := range schedule.Steps() {
			if step.At < free {
				t.Fatalf("%+v overlaps", step)
			}
			free = step.At + step.For
			if step.Fault == 1 {
				free += mending
				counts[2]++
				continue
			}
			counts[step.Choice]++
		}
		if counts[0] < 5 || counts[1] < 5 || max(counts[0]+counts[1], counts[2])-min(counts[0]+counts[1], counts[2]) > 4 || free > 10*time.Minute {
			t.Errorf("%v, and whole again at %v", counts, free)
		}
		if planned := text(t, schedule); strings.Count(planned, "links      one,") != counts[0] || strings.Count(planned, "links      two,") != counts[1] {
			t.Errorf("%v are told as\n%s", counts, planned)
		}
		if err := schedule.Play(t.Context(), &bytes.Buffer{}); err != nil || link.breaks != counts[0]+counts[1]+counts[2] || link.mends != link.breaks {
			t.Errorf("%d broken, %d mended, %v", link.breaks, link.mends, err)
		}
	})
}
