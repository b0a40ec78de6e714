package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
)

// asCaravan makes this test binary be caravan: the tests run it as a process.
const asCaravan = "BE_CARAVAN"

func TestMain(m *testing.M) {
	if os.Getenv(asCaravan) != "" {
		main()
	}
	if err := flag.Set("test.parallel", "4"); err != nil { // they wait more than they compute
		panic(err)
	}
	status := m.Run()
	if plainDirectory != "" {
		_ = os.RemoveAll(plainDirectory)
	}
	os.Exit(status)
}

// processLimit is how long a process may live. It is no measurement: it ends what a
// test would wait for without end.
const processLimit = 5 * await.Limit

// process returns caravan with those arguments, in an empty directory and with an
// environment of its own. A server has the race detector if this binary has it. A command
// that does one thing after the other has it never: to start costs ten times as much with it.
func process(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err == nil && len(args) > 0 && args[0] != "serve" && !strings.HasPrefix(args[0], "--") {
		program, err = plain()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), processLimit)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{asCaravan + "=1", "PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}, env...)
	return cmd
}

// plainProcess is process without the race detector: of a server under a load that would take several times as long with it, and
// that is looked at from outside. What servers do at the same time the tests of cmd/caravan/app and room do with it.
func plainProcess(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := process(t, env, args...)
	var err error
	if cmd.Path, err = plain(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// result is how a process ended.
type result struct {
	status         int
	stdout, stderr string
}

func caravan(t *testing.T, env []string, args ...string) result {
	t.Helper()
	cmd := process(t, env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestExitStatusAndMessage(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte("listen = :1\nno-such = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	real := []string{"serve", "--admin-listen", "", "--listen", "127.0.0.1:0"}
	dev := append([]string{"serve", "--dev"}, real[1:]...)
	for _, c := range []struct {
		name   string
		env    []string
		args   []string
		status int
		stdout string // in it
		stderr string // in it
	}{
		{"no command", nil, nil, 2, "", "caravan serve"},
		{"unknown command", nil, []string{"sreve"}, 2, "", `unknown command "sreve"`},
		{"a command with a slip", nil, []string{"serv"}, 2, "", "did you mean serve?"},
		{"half of a command", nil, []string{"config"}, 2, "", "check, print"},
		{"half of a command with a flag", nil, []string{"config", "--dev"}, 2, "", "check, print"},
		{"a second word with a slip", nil, []string{"config", "chek"}, 2, "", "did you mean check?"},
		{"help of half of a command", nil, []string{"config", "--help"}, 0, "caravan config print", ""},
		{"help with half of a command", nil, []string{"help", "config"}, 0, "caravan config check", ""},
		{"help of a command of two words", nil, []string{"help", "config", "print"}, 0, "Examples:\n  caravan config", ""},
		{"settings that are good", nil, []string{"config", "check", "--dev"}, 0, "the settings are good", "--dev"},
		{"settings that are wrong", nil, []string{"config", "check", "--lisen", ":1"}, 2, "", "caravan config check: --lisen: no such flag; did you mean --listen?"},
		{"settings without a key", nil, []string{"config", "check"}, 2, "", "--jwt-secret: is missing"},
		{"settings to look at", []string{"CARAVAN_DATABASE=postgres://u:hunter2@h/d"}, []string{"config", "print", "--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x"}, 0, "postgres://u:********@h/d", ""},
		{"a weak secret", []string{"CARAVAN_JWT_SECRET=hunter2"}, []string{"serve"}, 2, "", "--jwt-secret: the secret has 7 bytes"},
		{"help", nil, []string{"help"}, 0, "caravan migrate", ""},
		{"--help", nil, []string{"--help"}, 0, "caravan seed", ""},
		{"help of a command", nil, []string{"help", "serve"}, 0, "--drain-timeout DURATION", ""},
		{"help of nothing", nil, []string{"help", "sreve"}, 2, "", `"sreve"`},
		{"serve --help", nil, []string{"serve", "--help"}, 0, "(default 163840)", ""},
		{"migrate --help", nil, []string{"migrate", "-h"}, 0, "--database URL", ""},
		{"token --help", nil, []string{"token", "--help"}, 0, "--ttl DURATION", ""},
		{"seed --help", nil, []string{"seed", "--help"}, 0, "--trips M", ""},
		{"version", nil, []string{"version"}, 0, "commit ", ""},
		{"unknown flag", nil, []string{"serve", "--frobnicate"}, 2, "", "--frobnicate"},
		{"malformed flag", nil, []string{"serve", "--dev", "--loops", "two"}, 2, "", "--loops"},
		{"malformed variable", []string{"CARAVAN_LOOPS=two"}, []string{"serve", "--dev"}, 2, "", "CARAVAN_LOOPS"},
		{"unknown name in the file", nil, []string{"serve", "--config", file}, 2, "", "--no-such"},
		{"no key", nil, []string{"serve"}, 2, "", "--jwt-secret"},
		{"no user", nil, []string{"token", "--dev"}, 2, "", "--user"},
		{"a checklist", nil, []string{"migrate", "--check", "--database", "sqlite:none/caravan.db"}, 0, "0 in the way, 1 to look at", ""},
		{"a checklist for programs", nil, []string{"migrate", "--check", "--json", "--database", "sqlite:none/caravan.db"}, 0, `"ready": true`, ""},
		{"a checklist of what is no database", nil, []string{"migrate", "--check", "--database", "sqlite:" + file}, 1, "", "file is not a database"},
		{"a backup to nowhere", nil, []string{"backup"}, 2, "", "--to: is missing"},
		{"a backup of nothing", nil, []string{"backup", "copy.db", "--database", "sqlite:none/caravan.db"}, 1, "", "no such file or directory"},
		{"a backup of PostgreSQL", nil, []string{"backup", "copy.db", "--database", "postgres://u@h/d"}, 2, "", "pg_dump"},
		{"unknown variable", []string{"CARAVAN_FROBNICATE=1"}, []string{"migrate"}, 0, "up to date", "CARAVAN_FROBNICATE"},
		{"key that is none", nil, []string{"serve", "--jwt-public-key-file", file, "--admin-listen", "", "--listen", "127.0.0.1:0"}, 2, "", "--jwt-public-key-file"},
		{"token where Redis has a port of Kubernetes", []string{"REDIS_HOST=redis", "REDIS_PORT=tcp://10.0.0.11:6379"}, []string{"token", "--dev", "--user", persist.FleetUser(1).String()}, 0, ".", ""},
		{"port taken", nil, []string{"serve", "--dev", "--admin-listen", "", "--listen", taken.Addr().String()}, 1, "", taken.Addr().String()},
		{"admin port taken", nil, []string{"serve", "--dev", "--admin-listen", taken.Addr().String(), "--listen", "127.0.0.1:0"}, 1, "", "--admin-listen"},
		{"database that is none", nil, append(dev, "--database", "sqlite:"+file), 1, "", file + ": file is not a database"},
		{"database that is not there", []string{"CARAVAN_JWT_SECRET=hunter2-hunter2-hunter2-hunter2-x"}, append(real, "--database-wait", "0s", "--database", "postgres://u@127.0.0.1:1/d"), 1, "",
			"`user=u database=d`: 127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused\n"},
		{"database that is a directory", nil, append(dev, "--database", "sqlite:/"), 1, "", "sqlite"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := caravan(t, c.env, c.args...)
			if got.status != c.status || !strings.Contains(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("status %d, want %d\nstdout, want %q:\n%s\nstderr, want %q:\n%s", got.status, c.status, c.stdout, got.stdout, c.stderr, got.stderr)
			}
			if c.status != 0 && got.stdout != "" {
				t.Errorf("stdout: %s", got.stdout)
			}
		})
	}
}

// TestDevOnADatabaseOfPeopleIsAWrongSetting: the flag is named, though the fault is found
// in the database.
func TestDevOnADatabaseOfPeopleIsAWrongSetting(t *testing.T) {
	t.Parallel()
	cmd := process(t, nil, "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "", "--database", "sqlite:people.db")
	s, err := sqlite.OpenSeeder(t.Context(), filepath.Join(cmd.Dir, "people.db"), slog.New(slog.DiscardHandler))
	if err == nil {
		err = errors.Join(s.Seed(t.Context(), &persist.Seeds{Users: []protocol.User{{ID: uuid.New(), Email: "ann@example.com"}}}), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !strings.Contains(string(out), "caravan serve: --dev: excludes --database sqlite:people.db") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestAPortInUseIsFoundBeforeTheDatabaseIsTouched: of both ports.
func TestAPortInUseIsFoundBeforeTheDatabaseIsTouched(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for flag, args := range map[string][]string{
		"listen":       {"--listen", taken.Addr().String(), "--admin-listen", "127.0.0.1:0"},
		"admin-listen": {"--listen", "127.0.0.1:0", "--admin-listen", taken.Addr().String()},
	} {
		cmd := process(t, nil, append([]string{"serve", "--dev"}, args...)...)
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "--"+flag) || !strings.Contains(string(out), "address already in use") {
			t.Errorf("%v: %s", err, out)
		}
		if made, err := os.ReadDir(cmd.Dir); err != nil || len(made) > 0 {
			t.Errorf("--%s: it made %v, %v", flag, made, err)
		}
	}
}

// TestAWrongSettingTouchesNothing looks for the database that a start would make.
func TestAWrongSettingTouchesNothing(t *testing.T) {
	t.Parallel()
	notAKey := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(notAKey, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flag string
		args []string
	}{
		{"jwt-public-key-file", []string{"serve", "--jwt-public-key-file", notAKey}},
		{"jwt-secret-file", []string{"serve", "--jwt-secret-file", notAKey + ".none"}},
		{"jwt-jwks-url", []string{"serve", "--jwt-jwks-url", "https://u:hunter2@h:abc/"}},
		{"redis", []string{"serve", "--dev", "--redis", "redis://u:hunter2@h:abc"}},
		{"redis-prefix", []string{"serve", "--dev", "--redis-prefix", "a b"}},
		{"database", []string{"serve", "--dev", "--database", "postgres://u:hunter2@h:abc/d"}},
		{"database", []string{"migrate", "--database", "postgres://u:hunter2@h:abc/d"}},
		{"database", []string{"seed", "--users", "1", "--trips", "1", "--database", "postgres://u:hunter2@h:abc/d"}},
		{"database-wait", []string{"migrate", "--database-wait", "soon"}},
		{"trips", []string{"seed", "--users", "1"}},
		{"jwt-secret-file", []string{"token", "--user", persist.FleetUser(1).String(), "--jwt-secret-file", notAKey + ".none"}},
	} {
		t.Run(strings.Join(c.args[:2], " "), func(t *testing.T) {
			cmd := process(t, nil, c.args...)
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
				t.Errorf("ended with %v", err)
			}
			if text := string(out); !strings.Contains(text, "--"+c.flag+":") || strings.Contains(text, "hunter2") {
				t.Errorf("it said %s", text)
			}
			if made, err := os.ReadDir(cmd.Dir); err != nil || len(made) > 0 {
				t.Errorf("it made %v, %v", made, err)
			}
		})
	}
}

func TestHelpNamesTheVariables(t *testing.T) {
	t.Parallel()
	if got := caravan(t, nil, "serve", "--help"); !strings.Contains(got.stdout, "CARAVAN_SOME_NAME") || got.stderr != "" {
		t.Errorf("stdout:\n%s\nstderr:\n%s", got.stdout, got.stderr)
	}
}

func TestTokenFitsTheServersKey(t *testing.T) {
	t.Parallel()
	user := persist.FleetUser(7)
	for _, c := range []struct {
		name   string
		env    []string
		args   []string
		verify token.Config
	}{
		{"dev", nil, []string{"--dev"}, token.Config{Secret: []byte(config.DevelopmentSecret)}},
		{"secret", nil, []string{"--jwt-secret", "hunter2"}, token.Config{Secret: []byte("hunter2")}},
		{"variable", []string{"CARAVAN_JWT_SECRET=hunter2"}, nil, token.Config{Secret: []byte("hunter2")}},
		{"issuer and audience", nil, []string{"--jwt-secret", "hunter2", "--jwt-issuer", "us", "--jwt-audience", "them"}, token.Config{Secret: []byte("hunter2"), Issuer: "us", Audience: "them"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := caravan(t, c.env, append([]string{"token", "--user", user.String(), "--ttl", "5m"}, c.args...)...)
			if got.status != 0 || got.stderr != "" {
				t.Fatalf("status %d, stderr %s", got.status, got.stderr)
			}
			verifier, err := token.New(t.Context(), c.verify)
			if err != nil {
				t.Fatal(err)
			}
			defer verifier.Close()
			id, err := verifier.Verify(t.Context(), strings.TrimSpace(got.stdout))
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(id.Expires); id.User != user || left > 5*time.Minute || left < 4*time.Minute {
				t.Errorf("user %v, valid for %v", id.User, left)
			}
		})
	}
}

// TestAReaderThatLeavesEndsNoCommand gives commands a stdout that nobody reads.
func TestAReaderThatLeavesEndsNoCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"migrate"}, exitOK},
		{[]string{"seed", "--users", "3", "--trips", "1"}, exitOK},
		{[]string{"version"}, exitOK},
		{[]string{"help"}, exitOK},
		{[]string{"token", "--dev", "--user", persist.FleetUser(1).String()}, exitFailed}, // nobody has it
	} {
		t.Run(c.args[0], func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			defer w.Close()
			cmd := process(t, nil, c.args...)
			cmd.Stdout, cmd.Stderr = w, w
			if err := cmd.Run(); cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState; got.ExitCode() != c.status {
				t.Errorf("%v, want status %d", got, c.status)
			}
		})
	}
}

func TestSeedingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "er", "caravan.db")
	var before string
	for range 2 {
		got := caravan(t, nil, "seed", "--users", "7", "--trips", "3", "--database", "sqlite:"+path)
		if got.status != 0 || !strings.Contains(got.stdout, "7 users and 3 trips") {
			t.Fatalf("status %d, stdout %s, stderr %s", got.status, got.stdout, got.stderr)
		}
		after := rows(t, path)
		if before != "" && after != before {
			t.Errorf("the second time changed\n%s\nto\n%s", before, after)
		}
		before = after
	}
	for _, want := range []string{
		persist.FleetUser(4).String() + " user4@example.com user4 User 4",
		persist.FleetTrip(1).String() + " Trip 1",
		persist.FleetTrip(1).String() + " " + persist.FleetUser(4).String(),
	} {
		if !strings.Contains(before, want) {
			t.Errorf("no row %q in\n%s", want, before)
		}
	}
}

// rows dumps the application's tables.
func rows(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all strings.Builder
	for _, query := range []string{
		"SELECT id || ' ' || email || ' ' || username || ' ' || first_name || ' ' || last_name FROM users ORDER BY 1",
		"SELECT id || ' ' || title || ' ' || created_at FROM trips ORDER BY 1",
		"SELECT trip_id || ' ' || user_id || ' ' || role || ' ' || created_at FROM collaborators ORDER BY 1",
	} {
		found, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			var row string
			if err := found.Scan(&row); err != nil {
				t.Fatal(err)
			}
			all.WriteString(row + "\n")
		}
		if err := errors.Join(found.Err(), found.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func TestADatabaseThatIsAwayIsRetriedAndThenOneLine(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	_ = closed.Close()
	begun := time.Now()
	got := caravan(t, ownSecret, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--log-level", "error",
		"--database", "postgres://user:hunter2@"+addr+"/db", "--database-wait", "1200ms")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("gave up after %v", took)
	}
	if got.status != 1 || strings.Count(got.stderr, "\n") != 1 || strings.Contains(got.stderr, "hunter2") || !strings.HasPrefix(got.stderr, "caravan serve: ") {
		t.Errorf("status %d, stderr %s", got.status, got.stderr)
	}
}
