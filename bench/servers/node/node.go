// Package node runs JavaScript for tests.
package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

const (
	majorMin       = 20 // the oldest Node.js that the JavaScript client is for
	majorWebSocket = 22 // the first one that has WebSockets without being asked for them
)

const install = "install Node.js 20 or later (Debian, Ubuntu: apt-get install -y nodejs), or run `make test`, which does"

// Command is Node.js with those arguments, and with WebSockets; it ends with the test. A missing Node.js is a failure:
// JavaScript is tested or not at all.
func Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	servers.Needs(t, "Node.js")
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the JavaScript client is tested with Node.js, and there is none: " + install)
	}
	out, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(string(out))
	major, err := strconv.Atoi(strings.TrimPrefix(strings.Split(version, ".")[0], "v"))
	if err != nil {
		t.Fatalf("node --version says %q: %v", version, err)
	}
	if major < majorMin {
		t.Fatalf("the JavaScript client is for Node.js %d and later, and this is %s: %s", majorMin, version, install)
	}
	if major < majorWebSocket {
		args = append([]string{"--experimental-websocket", "--no-warnings"}, args...)
	}
	return exec.CommandContext(t.Context(), path, args...)
}

// unreachable is how npm says that it does not get to its registry, or gets nothing there.
var unreachable = regexp.MustCompile(`code (ENOTFOUND|EAI_AGAIN|ECONN[A-Z]+|ENET[A-Z]+|EHOST[A-Z]+|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E40[347]|E5\d\d)`)

// Install installs what package-lock.json in dir names, and nothing else, where that has not been done. No package runs a
// program of its own meanwhile. Without a way to the registry of npm it returns false: what needs those packages cannot be
// tested there, as known vulnerabilities cannot be looked up.
func Install(t testing.TB, dir string) (there bool) {
	t.Helper()
	servers.Needs(t, "npm")
	wanted, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	is, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && is.ModTime().After(wanted.ModTime()) {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && !unreachable.Match(out) {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err != nil {
		t.Logf("npm ci: %v\n%s", err, out)
	}
	return err == nil
}
