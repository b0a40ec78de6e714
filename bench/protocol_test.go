package bench_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/benchtest"
)

// Servers of other protocols are measured by the same scenarios: everybody joins a room, hears what
// is said there and nowhere else, and answers pings.
func TestOtherProtocolsJoinPublishAndHear(t *testing.T) {
	for _, protocol := range []bench.Protocol{bench.SocketIO, bench.Centrifugo} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			server := benchtest.NewRooms(false)
			defer server.Close()
			rep, err := bench.Run(context.Background(), bench.Config{
				Scenario: bench.Rooms, Protocol: protocol, URL: server.URL(), Connections: 12, Rooms: 3, Rate: 200,
				Duration: 200 * time.Millisecond, Warmup: 50 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			m, d := rep.Messages, rep.Deliveries
			if !rep.OK || m.Sent == 0 || m.Acknowledged != m.Sent || d.Received != 4*m.Sent || d.Expected != d.Received || d.Foreign != 0 {
				t.Errorf("%v %+v %+v", rep.Faults, m, d)
			}
			if server.Pongs() != 12 {
				t.Errorf("%d of 12 pings were answered", server.Pongs())
			}
		})
	}
}

func TestOtherProtocolsSayWhoIsNotLetIn(t *testing.T) {
	server := benchtest.NewRooms(true)
	defer server.Close()
	for protocol, want := range map[bench.Protocol]string{bench.SocketIO: "not authorized", bench.Centrifugo: "code_103"} {
		_, err := bench.Run(context.Background(), bench.Config{Scenario: bench.Pairs, Protocol: protocol, URL: server.URL(), Connections: 2})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}
