package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

// timed is how a line of something that happens begins.
var timed = regexp.MustCompile(`(?m)^ +[0-9.]+s  `)

// failOvers takes long enough for two of them.
var failOvers = []string{"--nodes", "3", "--redis", "--duration", "20s", "--pace", "700ms"}

// A short run of `make chaos` on each kind of deployment, and one that fails.
func TestChaos(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "PostgreSQL and Redis")
	binary := buildCaravan(t)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"three servers beside hostile members, and users of the JavaScript library", []string{"--store", "postgres", "--nodes", "3", "--redis", "--hostile", "3", "--js-clients", "3"}},
		// In seed 1 the bucket is killed, and the way to it is troubled.
		{"sqlite with a bucket, beside hostile members", []string{"--store", "sqlite", "--files", "s3", "--hostile", "3"}},
		// In seed 50 only server 1 reaches the old primary, then it is dead; in 23 it is alive and well, then dead.
		{"a synchronous standby", append(slices.Clone(failOvers), "--standby", "sync", "--seed", "50")},
		{"an asynchronous standby beside partitions", append(slices.Clone(failOvers), "--standby", "async", "--partitions", "--seed", "23")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait more than they compute
			dir := t.TempDir()
			status, out, errs := callIn(t, dir, append([]string{"chaos", "--seed", "1", "--duration", "7s", "--pace", "400ms",
				"--members", "20", "--rooms", "2", "--rate", "3", "--caravan", binary, "--quiet"}, c.args...)...)
			if status != exitClean {
				t.Fatalf("status %d\n%s%s", status, out, errs)
			}
			schedule, happened, _ := strings.Cut(out, "what happened:\n")
			happened, account, _ := strings.Cut(happened, "sent ")
			happened, attacked, _ := strings.Cut(happened, "attacks ")
			if hostile := slices.Contains(c.args, "--hostile"); hostile != strings.Contains(attacked, "answers ") || !strings.Contains(account, "result ") {
				t.Errorf("what attackers did is told: %q\n%s", attacked, account)
			}
			if library := slices.Contains(c.args, "--js-clients"); library != strings.Contains(account, "library ") {
				t.Errorf("what the JavaScript library told is told:\n%s", account)
			}
			planned, done := len(timed.FindAllString(schedule, -1)), len(timed.FindAllString(happened, -1))
			if mended := strings.Count(happened, ", mended in "); planned < 3 || done != planned+mended || mended != strings.Count(schedule, ", mended after ") {
				t.Errorf("%d faults were planned, %d lines tell of them, %d of a mending:\n%s", planned, done, mended, out)
			}
			if lossy := slices.Contains(c.args, "async"); strings.Count(schedule, "fail-over,") < 2 && slices.Contains(c.args, "--standby") || lossy != strings.Contains(account, "fail-overs ") {
				t.Errorf("what fail-overs lost is told:\n%s", out)
			}
			if lossy := slices.Contains(c.args, "async"); lossy == strings.Contains(account, "files ") {
				t.Errorf("what became of files is told:\n%s", account)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 0 {
				t.Errorf("it left %v behind, %v", left, err)
			}
		})
	}
	t.Run("a server that falls", func(t *testing.T) { aServerThatFalls(t, binary) })
}

// aServerThatFalls: one that ends by itself is a defect, whatever the ledger
// says, and its log is shown and kept.
func aServerThatFalls(t *testing.T, binary string) {
	t.Parallel()
	fragile := filepath.Join(t.TempDir(), "fragile")
	script := "#!/bin/sh\n[ \"$1\" = serve ] || exec " + binary + " \"$@\"\n(sleep 1; kill -KILL $$) &\nexec " + binary + " \"$@\"\n"
	if err := os.WriteFile(fragile, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	// Of seed 2 nothing happens to the server in its first four seconds.
	status, out, errs := callIn(t, t.TempDir(), "chaos", "--seed", "2", "--duration", "1m", "--store", "sqlite", "--members", "2", "--rooms", "1", "--caravan", fragile, "--quiet")
	_, dir, _ := strings.Cut(errs, "logs and ledger are in ")
	dir, _, _ = strings.Cut(dir, "\n")
	if status != exitFault || !strings.Contains(errs, "server 1 ended by itself") || !strings.Contains(errs, "msg=ready") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	for _, name := range []string{"server1.log", "ledger.jsonl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("not kept: %v", err)
		}
	}
}
