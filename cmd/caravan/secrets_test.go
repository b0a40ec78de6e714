package main

import (
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
)

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestNoPasswordIsLogged gives a server URLs with passwords at which nobody answers.
func TestNoPasswordIsLogged(t *testing.T) {
	t.Parallel()
	check := func(log string, told ...string) {
		t.Helper()
		for _, secret := range []string{"hunter2", "hunter%32"} {
			if strings.Contains(log, secret) {
				t.Errorf("a password is in the log:\n%s", log)
			}
		}
		for _, what := range told {
			if !strings.Contains(log, what) {
				t.Errorf("the log does not tell of %s:\n%s", what, log)
			}
		}
	}
	redis, jwks := closedPort(t), closedPort(t)
	s := serveProcess(t, "--redis", "redis://u:hunter2@"+redis, "--jwt-jwks-url", "http://u:hunter2@"+jwks+"/keys?key=hunter2")
	await.Until(t, "both are missed", func() bool {
		return strings.Contains(s.logged(), "http://"+jwks+"/keys") && strings.Contains(s.logged(), redis)
	})
	s.signal(syscall.SIGTERM)
	s.status()
	check(s.logged())

	database := closedPort(t)
	for _, url := range []string{"postgres://u:hunter2@" + database + "/d", "postgres://u:hunter%32@" + database + "/d", "postgres://u@" + database + "/d?password=hunter2"} {
		for _, command := range [][]string{{"serve", "--jwt-secret", "ssssssssssssssssssssssssssssssss", "--listen", "127.0.0.1:0", "--admin-listen", ""}, {"migrate"}, {"seed", "--users", "1", "--trips", "1"}} {
			got := caravan(t, nil, append(command, "--log-level", "debug", "--database-wait", "600ms", "--database", url)...)
			if got.status != exitFailed {
				t.Errorf("%s %s: status %d", command[0], url, got.status)
			}
			check(got.stderr+got.stdout, database)
		}
	}
	got := caravan(t, nil, "status", "--log-level", "debug", "--redis", "redis://u:hunter2@"+redis)
	if got.status != exitFailed {
		t.Errorf("status: %d", got.status)
	}
	check(got.stderr, redis)
}
