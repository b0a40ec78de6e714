package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostileNames are tags that git takes, and that a shell, make or the linker would
// take for more than a name. Whoever may push a tag chooses it.
var hostileNames = []string{
	"$(touch${IFS}pwned)", "`touch${IFS}pwned`", "v1';touch${IFS}pwned;'", `v1";touch${IFS}pwned;"`, "v1|touch${IFS}pwned", "v1&touch${IFS}pwned&",
	"$(shell${IFS}touch${IFS}pwned)", "$(error${IFS}pwned)", "$$(touch${IFS}pwned)", `v1'"#%,=`, "v1{a,b}", "-v1", "v€1",
}

// workshop is a clone of the repository in which make runs with a go that only notes
// what it is asked.
type workshop struct {
	t         *testing.T
	dir, bin  string
	asked     string // the file of the notes
	variables []string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{t: t, dir: filepath.Join(t.TempDir(), "clone"), bin: t.TempDir()}
	w.asked = filepath.Join(w.bin, "asked")
	w.do(".", "git", "clone", "--quiet", "--local", "../..", w.dir)
	for _, name := range []string{"Makefile", ".ci/fuzz", ".ci/bench-compare"} { // as they are here
		text, err := os.ReadFile("../../" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(w.dir, name), text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const note = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\" >>\"$ASKED\"; done\n"
	for _, path := range []string{filepath.Join(w.bin, "go"), filepath.Join(w.dir, "bin", "caravan-bench")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(note), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// environment is what commands find: nothing of a make that runs this test, which may have been
// given some of the same variables.
func (w *workshop) environment() []string {
	return []string{"HOME=" + os.Getenv("HOME"), "PATH=" + w.bin + ":" + os.Getenv("PATH"), "ASKED=" + w.asked}
}

// do runs a command and returns what it printed.
func (w *workshop) do(dir, name string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(w.environment(), w.variables...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// make runs targets and returns the words that go and caravan-bench were given.
func (w *workshop) make(args ...string) []string {
	w.t.Helper()
	if err := os.RemoveAll(w.asked); err != nil {
		w.t.Fatal(err)
	}
	w.do(w.dir, "make", append([]string{"-s"}, args...)...)
	if _, err := os.Stat(filepath.Join(w.dir, "pwned")); err == nil {
		w.t.Errorf("make %q has run what a name says", args)
		_ = os.Remove(filepath.Join(w.dir, "pwned"))
	}
	words, err := os.ReadFile(w.asked)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(string(words), "\n")
}

// TestNameOfATagIsNoCommand builds at commits whose tags are hostile.
func TestNameOfATagIsNoCommand(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for _, name := range hostileNames {
		w.do(w.dir, "git", "update-ref", "refs/tags/"+name, "HEAD")
		words := w.make("build")
		w.do(w.dir, "git", "update-ref", "-d", "refs/tags/"+name)
		at := slices.Index(words, "-ldflags")
		if at < 0 {
			t.Errorf("%s: go was asked %q", name, words)
			continue
		}
		fields := strings.Fields(words[at+1])
		if len(fields) != 4 || !strings.HasPrefix(fields[1], "main.version=") || strings.Trim(fields[1], letters+"._+/~-=") != "" || !strings.HasPrefix(fields[3], "main.commit=") {
			t.Errorf("%s: the linker gets %q", name, words[at+1])
		}
	}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// TestNoVariableOfMakeIsACommand gives every variable that a caller may set each of the
// names, on the command line and in the environment: those of several targets at once, each another one.
func TestNoVariableOfMakeIsACommand(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	runs := []struct{ targets, variables []string }{
		{[]string{"build", "fuzz", "unit", "bench"}, []string{"VERSION", "COMMIT", "FUZZTIME", "BENCH", "PACKAGES"}},
		{[]string{"bench", "chaos"}, []string{"ROUNDS", "STORE", "SEED", "DURATION", "NODES", "HOSTILE", "REDIS", "VERSION"}}, // bench does something else
	}
	verbatim := map[string]int{"BENCH": 1, "ROUNDS": 1, "SEED": 1, "DURATION": 1, "STORE": 2, "NODES": 1, "HOSTILE": 1, "PACKAGES": 3} // by how many targets
	for _, run := range runs {
		for first := range hostileNames {
			for _, given := range []string{"on the command line", "in the environment"} {
				args, values := slices.Clone(run.targets), map[string]string{}
				w.variables = nil
				for i, variable := range run.variables {
					values[variable] = hostileNames[(first+i)%len(hostileNames)]
					if given == "in the environment" {
						w.variables = append(w.variables, variable+"="+values[variable])
					} else {
						args = append(args, variable+"="+values[variable])
					}
				}
				words := w.make(args...)
				for variable, value := range values {
					got := 0
					for _, word := range words {
						if word == value {
							got++
						}
					}
					if got < verbatim[variable] {
						t.Errorf("%s, %s %s is %q: the commands got it %d times in %q", run.targets, variable, given, value, got, words)
					}
				}
			}
		}
	}
}

// TestBaseOfAComparisonIsACommit: what begins with a dash is no option of git.
func TestBaseOfAComparisonIsACommit(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	for _, base := range append(hostileNames, "--detach", "-f") {
		cmd := exec.CommandContext(t.Context(), "make", "-s", "bench-compare", "BASE="+base)
		cmd.Dir = w.dir
		cmd.Env = w.environment()
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "no such commit") {
			t.Errorf("%s: %v\n%s", base, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "pwned")); err == nil {
		t.Error("a name was run")
	}
}
