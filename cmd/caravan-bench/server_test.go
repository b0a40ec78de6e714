package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/ledger"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

const secret = "a secret of the tests, long enough for HS256"

// caravan is a real server in a process of its own.
type caravan struct {
	binary  string
	store   string
	flags   []string // of serve, besides those that all have
	listen  string   // where it listened first, and does again
	admin   string   // where its admin port is now
	process *exec.Cmd
	ended   chan struct{}
}

// startCaravan seeds a fleet and starts a server.
func startCaravan(t *testing.T, store string, users, trips int) *caravan {
	t.Helper()
	c := &caravan{binary: buildCaravan(t), store: store, listen: "127.0.0.1:0"}
	c.seed(t, users, trips)
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

// seed writes a fleet with the server's own command.
func (c *caravan) seed(t *testing.T, users, trips int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.binary, "seed", "--users", strconv.Itoa(users), "--trips", strconv.Itoa(trips), "--database", c.store)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func sqliteFile(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "caravan.db") }

var readyLine = regexp.MustCompile(`msg=ready.* listen=(\S+) admin=(\S+)`)

// start starts the server and waits until it is ready.
func (c *caravan) start() error {
	c.process = exec.Command(c.binary, append([]string{"serve", "--listen", c.listen, "--admin-listen", "127.0.0.1:0",
		"--database", c.store, "--jwt-secret", secret, "--rate", "0"}, c.flags...)...)
	c.process.Env = os.Environ()
	logs, err := c.process.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.process.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(logs)
	var log strings.Builder
	for {
		line, err := lines.ReadString('\n')
		log.WriteString(line)
		if found := readyLine.FindStringSubmatch(line); found != nil {
			c.listen, c.admin = found[1], found[2]
			break
		}
		if err != nil {
			return fmt.Errorf("the server did not become ready: %w\n%s", errors.Join(err, c.process.Wait()), log.String())
		}
	}
	c.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_, _ = io.Copy(io.Discard, lines) // until the server ends
		_ = process.Wait()                // it is killed in the end
	}(c.process, c.ended)
	return nil
}

// kill ends the server as kill -9 does.
func (c *caravan) kill() {
	_ = c.process.Process.Kill() // it may have ended
	<-c.ended
}

func (c *caravan) pid() string { return strconv.Itoa(c.process.Process.Pid) }

// readJSON reads a report.
func readJSON[T any](t *testing.T, path string) *T {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// measured is the report of a scenario.
func (c *caravan) measured(t *testing.T, scenario bench.Scenario, duration string) *bench.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	args := []string{"run", "--scenario", string(scenario), "--url", "ws://" + c.listen, "--jwt-secret", secret,
		"--users", "60", "--trips", "30", "--connections", "30", "--server-pid", c.pid(), "--admin", "http://" + c.admin,
		"--warmup", "100ms", "--duration", duration, "--quiet", "--json", path}
	if scenario == bench.Nodes { // it is as good as two of them
		args = append(args, "--url", "ws://"+c.listen)
	}
	status, out, errs := call(t, args...)
	if status != exitClean && status != exitSaturated { // on a busy machine the harness may be the limit
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	return readJSON[bench.Report](t, path)
}

// whatIsWrong is what a report of a scenario lacks.
func whatIsWrong(scenario bench.Scenario, rep *bench.Report) (wrong []string) {
	if rep.Connect.Connected != 30 || rep.Server.RSSBytes == 0 || rep.Server.CPUPerConnectUS <= 0 {
		wrong = append(wrong, fmt.Sprintf("connect %+v, server %+v", rep.Connect, rep.Server))
	}
	if !strings.HasPrefix(rep.Durability, "sqlite 3.") || !strings.Contains(rep.Durability, "synchronous=full") {
		wrong = append(wrong, fmt.Sprintf("durability %q", rep.Durability))
	}
	silent := scenario == bench.Idle || scenario == bench.History
	if c := rep.Commits; (c == nil) != silent || (c != nil && (c.Messages.Mean < 1 || c.TookUS.P50 <= 0)) {
		wrong = append(wrong, fmt.Sprintf("commits %+v", c))
	}
	if scenario == bench.History && (rep.Returns == nil || rep.Returns.Latency.Count == 0) {
		wrong = append(wrong, fmt.Sprintf("returns %+v", rep.Returns))
	}
	if !silent && (rep.Messages.PerSecond == 0 || rep.Latency.OwnEcho.P99 == 0 || rep.Server.CPUPerDeliveryUS <= 0) {
		wrong = append(wrong, fmt.Sprintf("messages %+v, latency %+v, server %+v", rep.Messages, rep.Latency, rep.Server))
	}
	return wrong
}

func TestEveryScenarioOnARealServer(t *testing.T) {
	t.Parallel()
	server := startCaravan(t, sqliteFile(t), 60, 30)
	for _, scenario := range bench.Scenarios() {
		t.Run(string(scenario), func(t *testing.T) {
			var wrong []string
			for _, duration := range []string{"1s", "5s", "20s"} { // on a crowded machine nothing is measured in a short one
				if wrong = whatIsWrong(scenario, server.measured(t, scenario, duration)); len(wrong) == 0 {
					return
				}
			}
			t.Errorf("%q", wrong)
		})
	}
	t.Run("not seeded", func(t *testing.T) {
		status, _, errs := call(t, "run", "--scenario", "pairs", "--url", "ws://"+server.listen, "--jwt-secret", secret,
			"--users", "60", "--trips", "31", "--connections", "62", "--quiet")
		if status != exitFault || !strings.Contains(errs, "caravan seed --users 60 --trips 31") {
			t.Errorf("status %d: %s", status, errs)
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		status, _, errs := call(t, "run", "--scenario", "pairs", "--url", "ws://"+server.listen, "--jwt-secret", "another secret, of the same length or so",
			"--users", "60", "--trips", "30", "--connections", "30", "--quiet")
		if status != exitFault || !strings.Contains(errs, "--jwt-secret") {
			t.Errorf("status %d: %s", status, errs)
		}
	})
}

// The server is killed and restarted again and again; nothing is lost.
func TestVerifyThroughKills(t *testing.T) {
	t.Parallel()
	server := startCaravan(t, pgserver.Shared(t).Database(t), 20, 2) // TestChaos kills one on SQLite
	url := "ws://" + server.listen
	path := filepath.Join(t.TempDir(), "report.json")
	stop := make(chan struct{})
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(700 * time.Millisecond):
				server.kill()
				if err := server.start(); err != nil {
					t.Error(err)
					return
				}
				kills++
			}
		}
	})
	time.AfterFunc(4*time.Second, func() { close(stop) })
	status, out, errs := call(t, "verify", "--url", url, "--jwt-secret", secret, "--users", "20", "--trips", "2",
		"--members", "20", "--rooms", "2", "--rate", "10", "--session", "1s", "--duration", "4s", "--settle", "80s", "--quiet", "--json", path)
	killer.Wait()
	if status != exitClean {
		t.Fatalf("status %d after %d kills\n%s%s", status, kills, out, errs)
	}
	rep := readJSON[ledger.Report](t, path)
	if kills == 0 || rep.Cut == 0 || rep.Stored == 0 || rep.Joins <= 20 {
		t.Errorf("not much happened: %d kills, %+v", kills, rep)
	}
}
