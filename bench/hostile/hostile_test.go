package hostile

import (
	"context"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/wire"
)

// TestEachAttackReachesTheServerAndEnds makes each attack alone on a server that
// bears everything, and asks what it left open.
func TestEachAttackReachesTheServerAndEnds(t *testing.T) {
	server := benchtest.New(benchtest.Faults{}, fleet.Trip(0))
	t.Cleanup(server.Close)
	node, err := wire.ParseEndpoint(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := benchtest.Mint(fleet.User(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Concat(attacks, storing) {
		t.Run(k.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			counts := &tally{attacks: map[string]int64{}, answers: map[string]int64{}}
			a := &attacker{nodes: []wire.Endpoint{node}, trip: fleet.Trip(0), bearer: bearer, rng: rand.New(rand.NewPCG(1, 1)), tally: counts}
			through := &relay{t: t, to: node.Address}
			node := node
			node.Address = through.listen()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				k.make(a, ctx, node)
			}()
			await.Until(t, "the attack reaches the server", func() bool { return through.received.Load() > 0 })
			cancel()
			await.Done(t, "the attack ends with its context", ended)
			through.close()
			client.CloseIdleConnections()
			await.Until(t, "what the attack opened is closed", func() bool { return through.open.Load() == 0 && runtime.NumGoroutine() <= before+benchtestSpare })
		})
	}
}

// benchtestSpare is how many goroutines the server itself may have begun meanwhile.
const benchtestSpare = 8

func TestRunDrawsAttacksBySeedAndReportsThem(t *testing.T) {
	server := benchtest.New(benchtest.Faults{}, fleet.Trip(0), fleet.Trip(1))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	report, err := Run(ctx, Config{
		URLs: []string{server.URL()}, Mint: benchtest.Mint, Own: 1, Each: 100 * time.Millisecond, Seed: 7,
		Seats: []Seat{{User: 0, Trip: 0}, {User: 1, Trip: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var made int64
	for _, n := range report.Attacks {
		made += n
	}
	if made < 2 || len(report.Answers) == 0 {
		t.Fatalf("%+v", report)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil || strings.Count(text.String(), "\n") != 2 {
		t.Errorf("%q, %v", text.String(), err)
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	mint := func(uuid.UUID) (string, error) { return "", net.ErrClosed }
	for name, cfg := range map[string]Config{
		"no server":         {Mint: mint},
		"nobody signs":      {URLs: []string{"ws://127.0.0.1:1"}},
		"TLS":               {URLs: []string{"wss://127.0.0.1:1"}, Mint: mint},
		"signing goes awry": {URLs: []string{"ws://127.0.0.1:1"}, Mint: mint, Seats: []Seat{{}}},
	} {
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
