// Package hostile plays the members and strangers that a deployment must bear:
// ordinary collaborators who do, as fast as they can, what costs a server much
// and themselves little, and callers without a token. It runs beside a fleet
// whose account must hold all the same.
//
// Each attacker is a goroutine with a few more for its connections. What an
// attack opens is bounded in number, and is closed when the attack ends.
package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/wire"
)

// Config says who attacks what.
type Config struct {
	URLs  []string                             // ws://host:port of each node, of one deployment
	Mint  func(user uuid.UUID) (string, error) // signs an access token that outlives the run
	Seats []Seat                               // an attacker each
	Own   int                                  // a trip of which all of Seats with that trip are collaborators, and nobody else: attacks that store anything store it there
	Seed  uint64                               // of which attack comes when
	Each  time.Duration                        // how long an attack lasts on average; zero: 3 s
}

// Seat is one attacker: an ordinary user and a trip that lets it in.
type Seat struct {
	User int // of the seeded fleet
	Trip int
}

// seatFiles is how many descriptors an attacker may hold.
const seatFiles = 400

// attacker is one seat at work. One goroutine draws its attacks; an attack's own
// goroutines share what does not change.
type attacker struct {
	cfg    *Config
	nodes  []wire.Endpoint
	trip   uuid.UUID
	stores bool // its trip is the attackers' own
	bearer string
	rng    *rand.Rand
	tally  *tally
}

// Run attacks until ctx ends, and returns what was done and how it was answered.
// That a server refuses, closes or is away is no error.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if len(cfg.URLs) == 0 || cfg.Mint == nil {
		return Report{}, errors.New("hostile: servers and a way to sign tokens are needed")
	}
	if cfg.Each == 0 {
		cfg.Each = 3 * time.Second
	}
	if err := proc.RaiseDescriptors(seatFiles * len(cfg.Seats)); err != nil {
		return Report{}, err
	}
	var nodes []wire.Endpoint
	for _, base := range cfg.URLs {
		node, err := wire.ParseEndpoint(base)
		if err != nil {
			return Report{}, err
		}
		nodes = append(nodes, node)
	}
	counts := &tally{attacks: map[string]int64{}, answers: map[string]int64{}}
	var all sync.WaitGroup
	for i, seat := range cfg.Seats {
		bearer, err := cfg.Mint(fleet.User(seat.User))
		if err != nil {
			return Report{}, fmt.Errorf("sign a token: %w", err)
		}
		a := &attacker{
			cfg: &cfg, nodes: nodes, trip: fleet.Trip(seat.Trip), stores: seat.Trip == cfg.Own, bearer: bearer,
			rng: rand.New(rand.NewPCG(cfg.Seed, uint64(i))), tally: counts,
		}
		all.Go(func() { a.live(ctx) })
	}
	all.Wait()
	return counts.report(), nil
}

// live makes one attack after the other.
func (a *attacker) live(ctx context.Context) {
	kinds := attacks
	if a.stores {
		kinds = slices.Concat(kinds, storing)
	}
	for ctx.Err() == nil {
		k := kinds[a.rng.IntN(len(kinds))]
		a.tally.attack(k.name)
		lasting, end := context.WithTimeout(ctx, a.cfg.Each/2+time.Duration(a.rng.Int64N(int64(a.cfg.Each))))
		k.make(a, lasting, a.nodes[a.rng.IntN(len(a.nodes))])
		<-lasting.Done() // an attack that could not go on is not made again at once
		end()
	}
}

// Report is what was done and how it was answered.
type Report struct {
	Attacks map[string]int64 `json:"attacks"` // by name
	Answers map[string]int64 `json:"answers"` // by status, close code, or the code of an error frame
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	for _, line := range []struct {
		name   string
		counts map[string]int64
	}{{"attacks", r.Attacks}, {"answers", r.Answers}} {
		if _, err := fmt.Fprintf(w, "%-12s", line.name); err != nil {
			return err
		}
		for i, name := range slices.Sorted(maps.Keys(line.counts)) {
			separator := ", "
			if i == 0 {
				separator = " "
			}
			if _, err := fmt.Fprintf(w, "%s%d %s", separator, line.counts[name], name); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

// tally counts. Safe for concurrent use.
type tally struct {
	mu      sync.Mutex
	attacks map[string]int64
	answers map[string]int64
}

func (t *tally) attack(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attacks[name]++
}

func (t *tally) answer(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers[what]++
}

func (t *tally) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Report{Attacks: maps.Clone(t.attacks), Answers: maps.Clone(t.answers)}
}
