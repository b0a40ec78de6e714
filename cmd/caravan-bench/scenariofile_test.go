package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench"
)

func scenarioFlags(cfg *bench.Config) *flag.FlagSet {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	registerRun(fs, cfg)
	fs.String("scenario-file", "", "")
	return fs
}

func TestAScenarioFileSetsFlags(t *testing.T) {
	var cfg bench.Config
	fs := scenarioFlags(&cfg)
	if err := fs.Parse([]string{"--rate", "7"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "my.scenario")
	if err := os.WriteFile(path, []byte("# mine\n\nscenario = pairs\nrate=500\n connections = 40 \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readScenario(fs, path); err != nil {
		t.Fatal(err)
	}
	if cfg.Scenario != bench.Pairs || cfg.Rate != 7 || cfg.Connections != 40 {
		t.Errorf("%+v", cfg)
	}
}

func TestWhatIsWrongInAScenarioFileIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"rate 5":            "line 1: it must be like",
		"\nraet = 5":        "line 2: --raet: no such flag; did you mean --rate?",
		"rate = much":       "cannot be used",
		"scenario-file = x": "another one",
		"--rate = 5":        "no such flag",
	} {
		var cfg bench.Config
		if err := parseScenario(scenarioFlags(&cfg), strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	f.Add("scenario = pairs\nrate = 5\nramp = 0s=1,5s=2\n# x")
	f.Fuzz(func(t *testing.T, text string) {
		var cfg bench.Config
		if err := parseScenario(scenarioFlags(&cfg), strings.NewReader(text)); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

// The whole set is sound, and has its names.
func TestTheStandardSetIsRead(t *testing.T) {
	s := standard{store: "sqlite", out: "x", rounds: 1}
	all, err := s.workloads()
	if err != nil || len(all) < 7 {
		t.Fatalf("%d workloads, %v", len(all), err)
	}
	for _, w := range all {
		if fleet, err := w.cfg.NeededFleet(); err != nil || fleet.Users < 1 {
			t.Errorf("%s: %+v, %v", w.name, fleet, err)
		}
	}
	s.only = "pairs, fanout"
	if some, err := s.workloads(); err != nil || len(some) != 2 {
		t.Errorf("%d workloads, %v", len(some), err)
	}
	s.only = "piars"
	if _, err := s.workloads(); err == nil || !strings.Contains(err.Error(), "did you mean pairs?") {
		t.Errorf("error %v", err)
	}
}
