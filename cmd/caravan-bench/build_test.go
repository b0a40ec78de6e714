package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
				return buildIn(".", "caravan")
			}
			dir, err := unpack(commit)
			if err != nil {
				return "", err
			}
			return buildIn(dir, "caravan-"+commit[:7])
		})
		builds.made[commit] = made
	}
	builds.mu.Unlock()
	return made()
}

// buildIn builds the server out of the module that dir is in.
func buildIn(dir, name string) (binary string, err error) {
	binary = filepath.Join(builds.dir, name)
	cmd := exec.Command("go", "build", "-o", binary, "github.com/caravan-chat/caravan/cmd/caravan")
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
