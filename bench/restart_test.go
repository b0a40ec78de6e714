package bench_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/benchtest"
)

// stormOf is a storm in which a server is restarted.
func stormOf(server *benchtest.Server, restart func(context.Context) (int, error)) bench.Config {
	return bench.Config{
		Scenario: bench.Storm, URL: server.URL(), Mint: benchtest.Mint, Connections: 24, Rooms: 4, Rate: 40,
		Duration: 600 * time.Millisecond, Restart: restart,
	}
}

// TestAllComeBackAfterARestart: the senders, too. The server's process is another one then.
func TestAllComeBackAfterARestart(t *testing.T) {
	t.Parallel()
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	const away = 100 * time.Millisecond
	cfg := stormOf(server, func(context.Context) (int, error) {
		time.Sleep(away)
		server.DropAll()
		return os.Getpid(), nil
	})
	cfg.ServerPID = os.Getppid()
	rep, err := bench.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := rep.Returns
	if !rep.OK || r == nil || r.Cut != 24 || r.Back != 24 || r.FirstS < away.Seconds() || r.TookS < r.FirstS {
		t.Errorf("%v; %+v", rep.Faults, r)
	}
	if rep.Server == nil || rep.Environment.Servers[0].PID != os.Getpid() {
		t.Errorf("%+v, of process %d", rep.Server, rep.Environment.Servers[0].PID)
	}
}

// TestARestartThatFailsIsTold, and one of a run that has no server to restart.
func TestARestartThatFailsIsTold(t *testing.T) {
	t.Parallel()
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	broken := errors.New("no such service")
	cfg := stormOf(server, func(context.Context) (int, error) { return 0, broken })
	if _, err := bench.Run(t.Context(), cfg); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	cfg.Scenario = bench.Rooms
	if _, err := bench.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("%v", err)
	}
}
