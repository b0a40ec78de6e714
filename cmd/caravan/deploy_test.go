package main

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// quoted returns what the pattern's group matches in a file of the repository.
func quoted(t *testing.T, path, pattern string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has nothing like %s", path, pattern)
	}
	return string(found[1])
}

// TestProcessManagersWaitForADrain holds the files of deploy against what
// docs/operations.md asks for.
func TestProcessManagersWaitForADrain(t *testing.T) {
	cfg, _, err := config.Load(config.Serve, []string{"--dev"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(text string) time.Duration {
		t.Helper()
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const docs = "docs/operations.md"
	longest := parse(quoted(t, docs, `longest it can take is .--drain-timeout. and (\d+) s`) + "s")
	margin := parse(quoted(t, docs, `process manager at least (\d+) s more than this`) + "s")
	if margin <= longest {
		t.Errorf("the margin of %v is not more than the %v that a drain may overrun", margin, longest)
	}
	want := cfg.DrainTimeout + margin
	for path, pattern := range map[string]string{
		"deploy/caravan.service": `(?m)^TimeoutStopSec=(\d+)$`,
		"deploy/compose.yaml":    `(?m)^ *stop_grace_period: (\d+)s$`,
	} {
		if got := parse(quoted(t, path, pattern) + "s"); got != want {
			t.Errorf("%s waits for %v, the documents ask for %v", path, got, want)
		}
	}
}

// TestSystemdRestartsWhateverTheExitStatus: one that was sent away by a signal ends with
// 0, and a crash of Go's runtime with 2, which stands for a wrong setting, too.
func TestSystemdRestartsWhateverTheExitStatus(t *testing.T) {
	const unit = "deploy/caravan.service"
	if restart := quoted(t, unit, `(?m)^Restart=(\S+)$`); restart != "always" {
		t.Errorf("Restart=%s", restart)
	}
	if none := quoted(t, unit, `(?ms)\A.*?(^RestartPreventExitStatus=[^\n]*|\z)`); none != "" {
		t.Errorf("%s leaves a server down that crashed with that status", none)
	}
}

// TestUnitBoundsWhatTheServerTakes and writes no memory to a disk.
func TestUnitBoundsWhatTheServerTakes(t *testing.T) {
	const unit = "deploy/caravan.service"
	for _, c := range []struct{ setting, want string }{
		{"LimitCORE", "^0$"}, {"MemoryMax", "^[1-9][0-9]?%$"}, {"TasksMax", "^[1-9][0-9]+$"}, {"UMask", "^0077$"}, {"NoNewPrivileges", "^yes$"}, {"ProtectSystem", "^strict$"},
	} {
		if got := quoted(t, unit, `(?m)^`+c.setting+`=(\S+)$`); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s=%s", c.setting, got)
		}
	}
}

// TestImagesHaveExactVersions: a floating tag changes what runs without a commit.
func TestImagesHaveExactVersions(t *testing.T) {
	image := regexp.MustCompile(`(?m)^(?:FROM|\s+image:)\s+(\S+)`)
	exact := regexp.MustCompile(`^(postgres:[0-9]+\.[0-9]+|(golang|redis|haproxy):[0-9]+\.[0-9]+\.[0-9]+)(-[a-z0-9.]+)?(@sha256:[0-9a-f]{64})?$`)
	for path, want := range map[string]int{"deploy/Dockerfile": 1, "deploy/compose.yaml": 3} {
		text, err := os.ReadFile("../../" + path)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range image.FindAllSubmatch(text, -1) {
			switch name := string(m[1]); {
			case name == "scratch", name == "caravan": // nothing, and what is built here
			case exact.MatchString(name):
				found++
			default:
				t.Errorf("%s: %s floats", path, name)
			}
		}
		if found != want {
			t.Errorf("%s: %d images, want %d", path, found, want)
		}
	}
	ports := quoted(t, "deploy/Dockerfile", `(?m)^EXPOSE (.*)$`)
	if ports != "8000" {
		t.Errorf("the image exposes %s", ports)
	}
	if quoted(t, "deploy/compose.yaml", `(redis://:\$\{REDIS_PASSWORD)`) == "" || quoted(t, "deploy/compose.yaml", `(requirepass)`) == "" {
		t.Error("Redis has no password")
	}
}
