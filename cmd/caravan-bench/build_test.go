package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// builds are the servers that tests run, by commit; that of "" is this build. All tests
// share them, since each costs seconds.
var builds struct {
	dir string // TestMain makes and removes it

	mu   sync.Mutex
	made map[string]func() (binary string, err error)
}

// build returns the server of a commit, which is built at the first call.
func build(commit string) (binary string, err error) {
	builds.mu.Lock()
	made := builds.made[commit]
	if made == nil {
		made = sync.OnceValues(func() (string, error) {
			if commit == "" {
				return buildIn(".", "caravan", "caravan")
			}
			return kept(commit, func() (string, error) {
				dir, err := unpack(commit)
				if err != nil {
					return "", err
				}
				return buildIn(dir, "caravan", "caravan-"+commit[:7])
			})
		})
		builds.made[commit] = made
	}
	builds.mu.Unlock()
	return made()
}

// plainBench is this program without the race detector, which bench/verify's own tests have: members
// that keep the account take several times the processor with it.
var plainBench = sync.OnceValues(func() (string, error) { return buildIn(".", "caravan-bench", "caravan-bench") })

// kept returns the server of an older commit, which is always the same one: it is built in the first run, and lies beside what
// Go keeps. Where nothing can be kept it is built in each.
func kept(commit string, build func() (string, error)) (binary string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return build()
	}
	at := filepath.Join(cache, "caravan-tests", fmt.Sprintf("caravan-%s-%s-%s", commit, runtime.Version(), runtime.GOARCH))
	if _, err := os.Stat(at); err == nil {
		return at, nil
	}
	if binary, err = build(); err == nil {
		_ = keep(binary, at) // the next run builds it anew
	}
	return binary, err
}

// keep copies a program to where it is kept. Nobody finds a part of it there.
func keep(binary, at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(at), "part-")
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	if err = errors.Join(err, part.Chmod(0o700), part.Close()); err == nil {
		err = os.Rename(part.Name(), at)
	}
	if err != nil {
		_ = os.Remove(part.Name())
	}
	return err
}

// buildIn builds a program out of the module that dir is in. Nobody looks into it with a debugger.
func buildIn(dir, program, name string) (binary string, err error) {
	binary = filepath.Join(builds.dir, name)
	cmd := exec.Command("go", "build", "-ldflags=-w", "-o", binary, "github.com/caravan-chat/caravan/cmd/"+program)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return binary, nil
}

// unpack writes the module as it was at a commit into a directory.
func unpack(commit string) (dir string, err error) {
	root, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	source := exec.Command("git", "archive", commit)
	source.Dir = filepath.Dir(strings.TrimSpace(string(root))) // git archive takes what is below it
	tar, err := source.Output()
	if err != nil {
		return "", fmt.Errorf("the older build comes from the repository's history, which is not here (a clone has it with `git fetch --unshallow`): %w", err)
	}
	dir = filepath.Join(builds.dir, "source-"+commit[:7])
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	cmd := exec.Command("tar", "-x", "-C", dir)
	cmd.Stdin = bytes.NewReader(tar)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return dir, nil
}

// buildCaravan returns the server of this build.
func buildCaravan(t *testing.T) (binary string) {
	t.Helper()
	return buildOlder(t, "")
}

// buildOlder returns the server as it was at a commit.
func buildOlder(t *testing.T, commit string) (binary string) {
	t.Helper()
	binary, err := build(commit)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
