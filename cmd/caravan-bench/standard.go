package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/compare"
	"github.com/caravan-chat/caravan/bench/page"
	"github.com/caravan-chat/caravan/cmd/caravan-bench/stage"
	"github.com/caravan-chat/caravan/cmd/commandline"
)

const standardHelp = `caravan-bench standard runs the standard set of workloads, again and again.

For each run it starts a database and a server of its own, so that no run finds
what another one left. It writes each run's report as JSON and as a page into --out,
and an index. With --before, another build of caravan, both builds are run by turns,
so that a noisy minute hits both, and compared.

It needs PostgreSQL's programs for --store postgres.

Examples:
  caravan-bench standard --out results
  caravan-bench standard --out results --before ../older/bin/caravan --only pairs,fanout

Exit status: 0 all runs are clean; 1 one had faults, or could not be made; 2 wrong
usage; 3 in one the generator was saturated.
`

// standardSet are the files of the workloads, in their order.
//
//go:embed standard/*.scenario
var standardSet embed.FS

// standard is one call of the command.
type standard struct {
	caravan, before string
	store, out      string
	rounds          int
	only            string
	quiet           bool
	errs            io.Writer
}

// ownWorkload is one of the set.
type ownWorkload struct {
	name string
	cfg  bench.Config
}

// side is a build of the server, and where its runs go.
type side struct {
	name, binary, dir string
	runs              []*bench.Report
}

// runStandard is `caravan-bench standard`.
func runStandard(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	s := standard{errs: stderr}
	fs := newFlags("standard", standardHelp, stderr)
	s.register(fs)
	if status, err := parse(fs, args, stdout); err != nil {
		return status, err
	}
	set, err := s.workloads()
	if err != nil {
		return exitUsage, err
	}
	sides, err := s.sides()
	if err != nil {
		return exitUsage, err
	}
	if err := s.perform(ctx, set, sides); err != nil {
		return exitFault, err
	}
	return s.conclude(sides, stdout)
}

func (s *standard) register(fs *flag.FlagSet) {
	fs.StringVar(&s.caravan, "caravan", besides("caravan"), "the server's program")
	fs.StringVar(&s.before, "before", "", "an older build of it, to compare with")
	fs.StringVar(&s.store, "store", "postgres", "postgres or sqlite")
	fs.StringVar(&s.out, "out", "", "the directory for the results; it is made")
	fs.IntVar(&s.rounds, "rounds", 4, "times that each workload is run")
	fs.StringVar(&s.only, "only", "", "the workloads to run, with commas between them (empty: all)")
	fs.BoolVar(&s.quiet, "quiet", false, "no progress within a run")
}

const roundsMax = 50

// workloads reads those that are wanted.
func (s *standard) workloads() ([]ownWorkload, error) {
	if s.store != "postgres" && s.store != "sqlite" {
		return nil, fmt.Errorf("--store %q is neither postgres nor sqlite", s.store)
	}
	if s.rounds < 1 || s.rounds > roundsMax {
		return nil, fmt.Errorf("--rounds must be 1 to %d", roundsMax)
	}
	if s.out == "" {
		return nil, errors.New("--out: a directory is needed")
	}
	files, err := fs.Glob(standardSet, "standard/*.scenario")
	if err != nil {
		return nil, err
	}
	wanted := strings.FieldsFunc(s.only, func(r rune) bool { return r == ',' || r == ' ' })
	var all []ownWorkload
	var known []string
	for _, path := range files {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".scenario"), "-")
		known = append(known, name)
		if s.only != "" && !slices.Contains(wanted, name) {
			continue
		}
		w, err := readWorkload(name, path)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return nil, noSuchWorkload(name, known)
		}
	}
	return all, nil
}

func noSuchWorkload(name string, known []string) error {
	if meant := commandline.Nearest(name, known); meant != "" {
		return fmt.Errorf("--only: there is no workload %q; did you mean %s?", name, meant)
	}
	return fmt.Errorf("--only: there is no workload %q; there are %s", name, strings.Join(known, ", "))
}

func readWorkload(name, path string) (ownWorkload, error) {
	f, err := standardSet.Open(path)
	if err != nil {
		return ownWorkload{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	w := ownWorkload{name: name}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	registerRun(flags, &w.cfg)
	if err := parseScenario(flags, f); err != nil {
		return w, fmt.Errorf("%s: %w", path, err)
	}
	w.cfg.Name, w.cfg.Version = name, version
	return w, nil
}

// sides are the builds to run.
func (s *standard) sides() ([]*side, error) {
	all := []*side{{name: "here", binary: s.caravan, dir: s.out}}
	if s.before != "" {
		all = []*side{{name: "before", binary: s.before, dir: filepath.Join(s.out, "before")}, {name: "here", binary: s.caravan, dir: filepath.Join(s.out, "here")}}
	}
	for _, side := range all {
		if info, err := os.Stat(side.binary); err != nil || info.IsDir() {
			return nil, fmt.Errorf("there is no program %s: make build makes one", side.binary)
		}
		if err := os.MkdirAll(side.dir, 0o755); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// perform runs all workloads of all sides, once in each round. Rounds take turns in which
// side begins.
func (s *standard) perform(ctx context.Context, set []ownWorkload, sides []*side) error {
	for round := range s.rounds {
		for i := range set {
			for k := range sides {
				side := sides[(k+round)%len(sides)]
				if err := s.run(ctx, side, &set[i], round+1); err != nil {
					return fmt.Errorf("%s, round %d of %s: %w", set[i].name, round+1, side.name, err)
				}
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
			}
		}
	}
	return nil
}

// run makes one run against a server of its own.
func (s *standard) run(ctx context.Context, side *side, w *ownWorkload, round int) (err error) {
	cfg := w.cfg
	if cfg.Fleet, err = cfg.NeededFleet(); err != nil {
		return err
	}
	who := seats{secret: standardSecret}
	if cfg.Mint, err = who.mint(tokenTTL); err != nil {
		return err
	}
	st, err := stage.Open(ctx, stage.Config{Binary: side.binary, Store: s.store, Nodes: 1, Secret: standardSecret, Fleet: cfg.Fleet, Measured: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close(), st.Remove()) }()
	node := st.Servers()[0]
	cfg.URL, cfg.Admin, cfg.ServerPID = node.URL, node.Admin, node.PID
	if !s.quiet {
		cfg.Progress, cfg.Live = s.errs, isTerminal(s.errs)
	}
	rep, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	side.runs = append(side.runs, rep)
	path := filepath.Join(side.dir, fmt.Sprintf("%s-%d", w.name, round))
	if err := writeFile(path+".json", func(w io.Writer) error { return writeJSON(w, rep) }); err != nil {
		return err
	}
	return writeFile(path+".html", func(w io.Writer) error { return page.Write(w, rep) })
}

// standardSecret signs the tokens of servers that live for one run.
const standardSecret = "the standard set's own servers, for the time of a run"

// conclude writes what came out.
func (s *standard) conclude(sides []*side, stdout io.Writer) (int, error) {
	status := exitClean
	for _, side := range sides {
		for _, rep := range side.runs {
			if st := statusOfReport(rep); st != exitClean && status != exitFault {
				status = st
			}
		}
		if err := writeFile(filepath.Join(side.dir, "index.html"), func(w io.Writer) error { return page.WriteIndex(w, "The standard set", side.runs) }); err != nil {
			return exitFault, err
		}
	}
	if len(sides) == 1 {
		return status, compare.WriteSummary(stdout, sides[0].runs)
	}
	c := compare.Of(sides[0].name, sides[1].name, sides[0].runs, sides[1].runs)
	if err := write(c, filepath.Join(s.out, "comparison.json"), stdout, s.errs); err != nil {
		return exitFault, err
	}
	return status, writeFile(filepath.Join(s.out, "comparison.html"), func(w io.Writer) error { return page.WriteComparison(w, c) })
}
