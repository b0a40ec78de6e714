package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

// failOver runs deploy/failover.sh on ports of its own.
func failOver(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	program, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	port, err := child.FreePort(1, 2, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), processLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../deploy/failover.sh", args...)
	cmd.Env = append(os.Environ(), "CARAVAN="+program, "PORT="+strconv.Itoa(port))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // so that it ends its servers
	cmd.WaitDelay = await.Limit
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// TestTheFailOverOfTheDocumentsLosesNothing carries it out, by hand and without a proxy.
func TestTheFailOverOfTheDocumentsLosesNothing(t *testing.T) {
	t.Parallel()
	out, status := failOver(t, "plain", "direct")
	account := regexp.MustCompile(`(?m)^ *\d+ s  (\d+) acknowledged, 0 lost; 0 numbers without a message$`).FindStringSubmatch(out)
	if status != 0 || account == nil || len(account[1]) < 2 {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestTheFailOverKnowsItsArguments, or it would do another one than was asked for.
func TestTheFailOverKnowsItsArguments(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"--help", "patroni", "plain proxy", "direct", "plain direct now"} {
		if out, status := failOver(t, strings.Fields(args)...); status != 2 || !strings.HasPrefix(out, "usage: deploy/failover.sh [plain|repmgr] [direct|pgbouncer]") {
			t.Errorf("%s: status %d\n%s", args, status, out)
		}
	}
}
