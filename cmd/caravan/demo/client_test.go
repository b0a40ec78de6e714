package demo_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

// Three clients of protocol/client chat while the server is killed and started again: one on the socket of its user, one on
// that of the room, one over REST; beside them the client in Python of docs/clients.md. They say themselves what was lost,
// repeated or reordered.
func TestJavaScriptClientsChatThroughARestart(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	cmd := node.Command(t, "../../../protocol/client/tests/live.js", s.url(""),
		s.setup.Trips[0].ID.String(), s.setup.Users[0].ID.String(), s.setup.Users[1].ID.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitForPython := startPython(t, s)
	killed := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if lines.Text() == "half" {
			s.kill()
			s.start()
			killed = true
		}
	}
	waitForPython()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	if !killed {
		t.Fatal("the clients never said that the server may be killed")
	}
	s.chatsFromAnEmptyFolder()
}

// chatsFromAnEmptyFolder installs the packed client where nothing is, and runs what its README begins with.
func (s *server) chatsFromAnEmptyFolder() {
	s.t.Helper()
	folder := s.t.TempDir()
	run := func(dir, name string, args ...string) string {
		s.t.Helper()
		cmd := exec.CommandContext(s.t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	packed := run("../../../protocol/client", "npm", "pack", "--silent", "--pack-destination", folder)
	run(folder, "npm", "install", "--offline", "--no-audit", "--no-fund", "./"+packed)

	readme, err := os.ReadFile(filepath.Join(folder, "node_modules/@caravan-chat/client/README.md"))
	if err != nil {
		s.t.Fatal(err)
	}
	lines := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(readme)
	if lines == nil || bytes.Count(lines[1], []byte("\n")) != 5 {
		s.t.Fatal("the README does not begin with five lines")
	}
	program := strings.Replace(string(lines[1]), "http://localhost:8000", s.url(""), 1) + "caravan.close();\n"
	if err := os.WriteFile(filepath.Join(folder, "chat.mjs"), []byte(program), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := node.Command(s.t, "chat.mjs")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "stored as number ") {
		s.t.Fatalf("the README's program: %v\n%s", err, out)
	}
}
