package floor_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/floor"
)

// serve runs a floor for the test, and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan netip.AddrPort, 1), make(chan error, 1)
	go func() {
		ended <- floor.Run(ctx, floor.Config{Listen: "127.0.0.1:0", Listening: func(at netip.AddrPort) { listening <- at }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case at := <-listening:
		return "ws://" + at.String()
	case err := <-ended:
		ended <- err
		t.FailNow()
		return ""
	}
}

func TestWhatIsSaidInARoomReachesAllWhoAreThere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bench.Config){
		"closed loop":  func(c *bench.Config) { c.InFlight = 4 },
		"open loop":    func(c *bench.Config) { c.Rate = 400 },
		"long content": func(c *bench.Config) { c.PayloadBytes = 9_000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := bench.Config{
				Scenario: bench.Rooms, Protocol: bench.Raw, URL: serve(t), Connections: 24, Rooms: 4,
				Duration: 300 * time.Millisecond, Drain: 10 * time.Second, Seed: 1,
			}
			change(&cfg)
			rep, err := bench.Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			d, m := rep.Deliveries, rep.Messages
			if !rep.OK || m.Sent == 0 || m.Acknowledged != m.Sent || d.Received != 6*m.Acknowledged {
				t.Errorf("%d sent, %d acknowledged, %d received by 6 each; faults %v", m.Sent, m.Acknowledged, d.Received, rep.Faults)
			}
			if rep.Latency.OwnEcho.Count == 0 || rep.Latency.Delivery.Count == 0 {
				t.Errorf("no latency was measured: %+v", rep.Latency)
			}
		})
	}
}

func TestWhoAsksForNoRoomIsRefused(t *testing.T) {
	t.Parallel()
	_, err := bench.Run(context.Background(), bench.Config{
		Scenario: bench.Idle, Protocol: bench.Raw, URL: serve(t) + "/nowhere", Connections: 1, Duration: time.Millisecond,
	})
	if err == nil || !strings.Contains(err.Error(), "HTTP 404") {
		t.Errorf("the error is %v", err)
	}
}
