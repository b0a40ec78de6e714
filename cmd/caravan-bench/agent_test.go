package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/benchtest"
)

// startAgent starts an agent as a process of its own, and returns where it listens.
func startAgent(t *testing.T, token string, more ...string) (address string, process *os.Process) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"agent", "--listen", "127.0.0.1:0", "--jwt-secret", "s", "--agent-token-file", token, "--quiet"}, more...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // a test may have ended it
		_ = cmd.Wait()         // killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "agent listens on "), cmd.Process
}

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// coordinate runs with two agents, and returns the report.
func coordinate(t *testing.T, server *benchtest.Server, token string, agents string, more ...string) (status int, rep bench.Report, errs string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	status, out, errs := call(t, append([]string{"run", "--coordinate", agents, "--agent-token-file", token, "--url", server.URL(),
		"--warmup", "100ms", "--quiet", "--json", path}, more...)...)
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &rep)
	}
	if err != nil && status != exitUsage && errs == "" {
		t.Fatalf("status %d: %v\n%s%s", status, err, out, errs)
	}
	return status, rep, errs
}

// Two processes make the connections of one run: rooms of one of them, and one room divided among
// both. Counts and histograms are those of all together.
func TestAgentsMakeOneRun(t *testing.T) {
	t.Parallel()
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	token := tokenFile(t, "a token of thirty-two characters")
	first, _ := startAgent(t, token)
	second, _ := startAgent(t, token)
	for _, c := range []struct {
		args    string
		senders int64
		share   int64 // of deliveries to others whose latency is known: one of so many
	}{
		{"--scenario pairs --connections 40 --rate 200", 40, 1},
		{"--scenario fanout --connections 20 --senders 4 --rate 100", 4, 2},
		{"--scenario publish --connections 6 --in-flight 2", 6, 1},
	} {
		status, rep, errs := coordinate(t, server, token, first+","+second, append(strings.Fields(c.args), "--duration", "500ms")...)
		if status != exitClean && status != exitSaturated { // a crowded machine lets an agent lag
			t.Fatalf("%s: status %d: %v\n%s", c.args, status, rep.Faults, errs)
		}
		m, d := rep.Messages, rep.Deliveries
		members := int64(rep.Parameters.Connections / rep.Parameters.Rooms)
		if m.Sent == 0 || m.Acknowledged != m.Sent || d.Received != m.Sent*members || d.Expected != d.Received {
			t.Errorf("%s: %+v %+v", c.args, m, d)
		}
		if len(rep.Agents) != 2 || rep.Agents[0].Connections+rep.Agents[1].Connections != rep.Parameters.Connections || rep.Agents[0].Lost != "" {
			t.Errorf("%s: agents %+v", c.args, rep.Agents)
		}
		var heard int64
		for _, s := range rep.Series {
			heard += s.OwnEcho.Count
		}
		if echo := rep.Latency.OwnEcho.Count; echo == 0 || echo > m.Acknowledged || heard > m.Acknowledged {
			t.Errorf("%s: %d echoes in the histogram, %d in the series, of %d", c.args, echo, heard, m.Acknowledged)
		}
		if others := d.Received - m.Acknowledged; rep.Latency.Delivery.Count > others/c.share {
			t.Errorf("%s: %d latencies of %d deliveries to others", c.args, rep.Latency.Delivery.Count, others)
		}
	}
}

// An agent that dies in the middle is a fault of the run, which ends early and says so.
func TestAnAgentThatDiesIsAFault(t *testing.T) {
	t.Parallel()
	token := tokenFile(t, "a token of thirty-two characters")
	first, _ := startAgent(t, token)
	second, process := startAgent(t, token)
	messages := 0
	server := benchtest.New(benchtest.Faults{Refuse: func(string) string {
		if messages++; messages == 50 {
			_ = process.Kill() // the report shows it
		}
		return ""
	}})
	defer server.Close()
	began := time.Now()
	status, rep, errs := coordinate(t, server, token, first+","+second,
		"--scenario", "rooms", "--connections", "40", "--rooms", "20", "--rate", "200", "--duration", "5m")
	if status != exitFault || rep.OK || len(rep.Agents) != 2 || rep.Agents[1].Lost == "" || rep.Agents[0].Lost != "" ||
		len(rep.Faults) == 0 || !strings.Contains(rep.Faults[0], second) {
		t.Errorf("status %d, faults %v, agents %+v\n%s", status, rep.Faults, rep.Agents, errs)
	}
	if rep.Messages.Acknowledged == 0 || time.Since(began) > 4*time.Minute {
		t.Errorf("%+v after %v", rep.Messages, time.Since(began))
	}
}

// An agent that stands still for a while measures its own standing still: the result says so.
func TestAnAgentThatLagsIsASaturatedGenerator(t *testing.T) {
	t.Parallel()
	token := tokenFile(t, "a token of thirty-two characters")
	first, _ := startAgent(t, token)
	second, process := startAgent(t, token)
	messages := 0
	server := benchtest.New(benchtest.Faults{Refuse: func(string) string {
		if messages++; messages == 20 {
			_ = process.Signal(syscall.SIGSTOP) // the report shows it
			time.AfterFunc(2500*time.Millisecond, func() { _ = process.Signal(syscall.SIGCONT) })
		}
		return ""
	}})
	defer server.Close()
	status, rep, errs := coordinate(t, server, token, first+","+second, "--scenario", "pairs", "--connections", "8", "--rate", "40", "--duration", "3s")
	if status != exitSaturated || !rep.OK || !rep.Generator.Saturated || rep.Agents[1].LatestMS < 1000 {
		t.Errorf("status %d, faults %v, generator %+v, agents %+v\n%s", status, rep.Faults, rep.Generator, rep.Agents, errs)
	}
}

func TestAnAgentKeepsItsLimits(t *testing.T) {
	t.Parallel()
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	token := tokenFile(t, "a token of thirty-two characters")
	agent, _ := startAgent(t, token, "--connections-max", "10", "--time-max", "2m", "--targets", "127.0.0.1")
	for _, c := range []struct {
		args, token string
		status      int
		want        string
	}{
		{"--connections 12", token, exitFault, "10 at most"},
		{"--connections 4 --duration 10m", token, exitFault, "2m0s at most"},
		{"--connections 4 --url ws://127.0.0.2:1", token, exitFault, "--targets"},
		{"--connections 4", tokenFile(t, "another token of thirty-two characters"), exitFault, "another token"},
		{"--connections 4", tokenFile(t, "short"), exitFault, "16 bytes"},
		{"--connections 4", "/nonsense", exitUsage, "--agent-token-file"},
	} {
		status, _, errs := coordinate(t, server, c.token, agent, append(strings.Fields(c.args), "--scenario", "pairs")...)
		if status != c.status || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d, want %d: %s", c.args, status, c.status, errs)
		}
	}
	for range 20 { // they keep nobody out
		stranger, err := net.Dial("tcp", agent)
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
	}
	if status, rep, errs := coordinate(t, server, token, agent, "--scenario", "idle", "--connections", "10", "--duration", "100ms"); status != exitClean || rep.Connect.Connected != 10 {
		t.Errorf("what it may do it does: status %d, %v\n%s", status, rep.Faults, errs)
	}
}

// With nodes in turn the agents connect in turn, too: two at one time, and the others when those are done. All of them send
// by one clock.
func TestAgentsConnectInTurn(t *testing.T) {
	t.Parallel()
	server := benchtest.New(benchtest.Faults{})
	defer server.Close()
	token := tokenFile(t, "a token of thirty-two characters")
	var addresses []string
	for range 4 {
		address, _ := startAgent(t, token)
		addresses = append(addresses, address)
	}
	status, rep, errs := coordinate(t, server, token, strings.Join(addresses, ","), strings.Fields("--scenario pairs --connections 400 --rate 200 --nodes-in-turn --connect-rate 200 --duration 500ms")...)
	if status != exitClean && status != exitSaturated { // a crowded machine lets an agent lag
		t.Fatalf("status %d: %v\n%s", status, rep.Faults, errs)
	}
	if m, d := rep.Messages, rep.Deliveries; m.Sent < 90 || m.Acknowledged != m.Sent || d.Received != 2*m.Sent { // by all four, 100 in half a second
		t.Errorf("%+v %+v", m, d)
	}
	if rep.Connect.Connected != 400 || rep.Connect.TookS < 1.5 { // at the pace of all together, whoever's turn it is
		t.Errorf("%d connected in %.1f s", rep.Connect.Connected, rep.Connect.TookS)
	}
	var first, last int
	for i, s := range rep.Series {
		if s.Connect.Count > 0 && first == 0 {
			first = i + 1
		}
		if s.Connect.Count > 0 {
			last = i + 1
		}
	}
	if last <= first {
		t.Errorf("connections began in the seconds %d to %d of the report", first, last)
	}
}
