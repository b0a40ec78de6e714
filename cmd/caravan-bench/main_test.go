package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/benchtest"
)

// asProgram makes this test binary be caravan-bench: a process of its own has its own
// directory for what is temporary.
const asProgram = "BE_CARAVAN_BENCH"

// TestMain lets more tests run at once than there are processors: they wait for servers.
// The flag -parallel still says otherwise.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(runAll(m))
}

// runAll gives the tests a directory for what they build.
func runAll(m *testing.M) (status int) {
	dir, err := os.MkdirTemp("", "caravan-bench-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is left at worst
	builds.dir, builds.made = dir, make(map[string]func() (string, error))
	return m.Run()
}

// callIn runs the program as a process that keeps in dir what is temporary.
func callIn(t *testing.T, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	program, err := plainBench()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err, exit := cmd.Run(), (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// call runs the program in this process, and returns its exit status and output.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = dispatch(context.Background(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		out    string // in stdout
		errs   string // in stderr
	}{
		{"", 0, "Exit status", ""},
		{"help", 0, "Exit status", ""},
		{"version", 0, "caravan-bench ", ""},
		{"nonsense", 2, "", "no command"},
		{"run --help", 0, "--connect-rate", ""},
		{"verify -h", 0, "--events", ""},
		{"echo --help", 0, "-max-frame", ""},
		{"run --nonsense", 2, "", "--nonsense: no such flag"},
		{"run --connetions 5", 2, "", "did you mean --connections?"},
		{"run --quiet false", 2, "", "--quiet=false"},
		{"run --connections", 2, "", "--connections: needs a value"},
		{"run --connections many", 2, "", "--connections: \"many\""},
		{"verfy", 2, "", "did you mean verify?"},
		{"run word", 2, "", "unexpected argument, number 1"},
		{"run --assert p98<5ms --jwt-secret s", 2, "", "did you mean p9"},
		{"run --assert p99<50 --jwt-secret s", 2, "", "a time needs a unit, such as 50ms"},
		{"run --scenario x", 2, "", "--jwt-secret"},
		{"run --scenario x --jwt-secret s", 2, "", "scenario"},
		{"run --scenario pairs --open --jwt-secret s", 2, "", "--rate is needed"},
		{"run --scenario pairs --closed --rate 5 --jwt-secret s", 2, "", "must be left out"},
		{"run --scenario pairs --closed --open --jwt-secret s", 2, "", "exclude each other"},
		{"run --scenario pairs --url ws://127.0.0.1:1 --jwt-secret s", 1, "", "is the server running"},
		{"run --scenario pairs --jwt-secret-file /nonsense", 2, "", "--jwt-secret-file"},
		{"compare --help", 0, "four runs", ""},
		{"compare one", 2, "", "two files or directories"},
		{"compare one two three", 2, "", "unexpected argument, number 3"},
		{"compare /nonsense /nonsense2", 1, "", "no such file"},
		{"verify --rooms 5 --members 2 --jwt-secret s", 2, "", "members in"},
		{"verify --url nonsense --jwt-secret s", 2, "", "ws://"},
		{"chaos --help", 0, "--nodes", ""},
		{"chaos --store oracle", 2, "", "neither postgres nor sqlite"},
		{"chaos --nodes 4 --redis", 2, "", "1 to 3"},
		{"chaos --nodes 2 --store sqlite", 2, "", "one server"},
		{"chaos --nodes 2", 2, "", "--redis"},
		{"chaos --nodes 3 --redis --standby async --js-clients 1", 2, "", "--js-clients"},
		{"chaos --pace 0s", 2, "", "--pace"},
		{"chaos --caravan /nonsense", 2, "", "make build"},
		{"chaos --caravan /dev/null --rooms 0 --members 0 --store sqlite", 2, "", "--members and --rooms"},
		{"agent --help", 0, "--targets", ""},
		{"agent --targets nonsense", 2, "", "neither an address nor a network"},
		{"agent", 2, "", "--agent-token-file"},
		{"run --coordinate 127.0.0.1:1 --scenario pairs", 2, "", "--agent-token-file"},
		{"million --help", 0, "--members", ""},
		{"million --members 5", 2, "", "--members must be"},
		{"million --members 4000 --nodes 2 --caravan /dev/null", 2, "", "3 to 64"},
		{"million --caravan /nonsense", 2, "", "make build"},
		{"peers --from /nonsense", 1, "", "--from"},
		{"flat --help", 0, "--series", ""},
		{"flat", 2, "", "--out"},
		{"flat --out x --series nonsense", 2, "", "there is no \"nonsense\""},
		{"flat --out x --servers floor,nonsense", 2, "", "there is no \"nonsense\""},
		{"flat --out x --rounds 0", 2, "", "--rounds must be"},
		{"flat --out x --duration 0s", 2, "", "--duration"},
		{"flat --out x --connections-max 1", 2, "", "no shape"},
		{"echo --max-frame big", 2, "", "is no size"},
		{"echo --listen nonsense", 1, "", "nonsense"},
	} {
		status, out, errs := call(t, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%q: status %d, want %d\nstdout: %.300s\nstderr: %.300s", c.args, status, c.status, out, errs)
		}
	}
}

func TestASecretInTheEnvironmentIsNotShown(t *testing.T) {
	t.Setenv("CARAVAN_JWT_SECRET", "hush-hush")
	if _, out, errs := call(t, "run", "--help"); strings.Contains(out+errs, "hush-hush") {
		t.Error("--help shows the secret")
	}
}

func TestExitStatusTellsFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults benchtest.Faults
		want   int
	}{
		"clean":    {benchtest.Faults{}, exitClean},
		"repeated": {benchtest.Faults{Deliver: func(int, int64) benchtest.Fate { return benchtest.Twice }}, exitFault},
	} {
		t.Run(name, func(t *testing.T) {
			server := benchtest.New(c.faults)
			defer server.Close()
			path := filepath.Join(t.TempDir(), "report.json")
			status, out, errs := call(t, "run", "--scenario", "pairs", "--url", server.URL(), "--jwt-secret", "s", "--connections", "4",
				"--rate", "100", "--warmup", "0s", "--duration", "200ms", "--drain", "200ms", "--quiet", "--json", path)
			if status != c.want {
				t.Fatalf("status %d, want %d\n%s%s", status, c.want, out, errs)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var rep bench.Report
			if err := json.Unmarshal(b, &rep); err != nil || rep.OK != (c.want == exitClean) || rep.Messages.Acknowledged == 0 {
				t.Errorf("%v; %s", err, b)
			}
		})
	}
}
