package deploy_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

// startAsTheUnitDoes starts a node by ExecStart of the unit, with the settings in conf.
func startAsTheUnitDoes(t *testing.T, conf, address string) *child.Server {
	t.Helper()
	line := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/caravan (.*)$`).FindStringSubmatch(shipped(t, "caravan.service"))
	if line == nil || !strings.Contains(line[1], "/etc/caravan/caravan.conf") {
		t.Fatalf("the unit starts %q", line)
	}
	args := strings.Fields(strings.ReplaceAll(line[1], "/etc/caravan/caravan.conf", conf))
	server := serving(t, address, args...)
	server.EndWith(t)
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return server
}

// TestThePageOfABareDebianWorksAsWritten: steps 2, 3 and 5 of docs/deploy.md, with the unit's
// command; and then what the unit's user changes in the file counts after a reload.
func TestThePageOfABareDebianWorksAsWritten(t *testing.T) {
	t.Parallel()
	dir, address := t.TempDir(), loopback()
	for _, sub := range []string{"etc", "data"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	conf := write(t, dir, "etc/caravan.conf", shipped(t, "caravan.conf", "127.0.0.1:8000", address+":8000", "/var/lib/caravan", dir)+
		"admin-listen = "+address+":9000\n")
	page := shipped(t, "../docs/deploy.md", "/etc/caravan", dir+"/etc", "https://chat.example.com", "http://"+address+":8000", "127.0.0.1:9000", address+":9000")
	var steps strings.Builder
	for _, step := range []string{"\n## 2.", "\n## 3.", "\n## 5."} {
		_, text, _ := strings.Cut(page, step)
		_, text, _ = strings.Cut(text, "```sh\n")
		code, _, ok := strings.Cut(text, "```")
		if !ok {
			t.Fatalf("docs/deploy.md has no commands under %q", step)
		}
		steps.WriteString(code)
	}
	before, after, ok := strings.Cut(steps.String(), "systemctl enable --now caravan\n")
	if !ok {
		t.Fatal("docs/deploy.md does not start the server")
	}
	// There is one user here, and the program is not installed.
	shell := func(script string) string {
		return must(t, "bash", "-euc", "caravan() { "+caravan(t)+" \"$@\"; }; runuser() { shift 3; \"$@\"; }\n"+script)
	}
	shell(before)
	server := startAsTheUnitDoes(t, conf, address)
	said := shell(after)
	_, last, _ := strings.Cut(said, `"results"`)
	if !strings.Contains(said, `{"ready":true,"reasons":[]}`) || !strings.Contains(last, `"hello"`) || !strings.Contains(last, `"hello, Amina"`) {
		t.Errorf("the commands said\n%s", said)
	}

	write(t, dir, "etc/caravan.conf", shipped(t, conf)+"allowed-origins = https://app.example.com\n")
	if err := syscall.Kill(server.Pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the log says what a reload changed", func() bool {
		text, err := os.ReadFile(filepath.Join(server.Dir(), "caravan.log"))
		return err == nil && strings.Contains(string(text), `"changed":"--allowed-origins"`)
	})
}
