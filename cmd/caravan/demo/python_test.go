package demo_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers"
)

// pythonLinesMax is how long the whole client of docs/clients.md may be.
const pythonLinesMax = 60

// pythonClient takes the client out of the page.
func pythonClient(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```python\n")
	code, _, ended := strings.Cut(code, "```")
	if lines := strings.Count(code, "\n"); !ended || lines > pythonLinesMax {
		t.Fatalf("the client has %d lines", lines)
	}
	return code
}

// startPython lets that client chat, and returns what waits for its end. It says itself whether
// something was lost, repeated or reordered.
func startPython(t *testing.T, s *server) (wait func()) {
	t.Helper()
	servers.Needs(t, "Python")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("the client of docs/clients.md is run in Python, and there is none: install it (Debian, Ubuntu: apt-get install -y python3), or run `make test`, which does")
	}
	chat, err := os.ReadFile("testdata/chat.py")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "client.py")
	if err := os.WriteFile(program, []byte(pythonClient(t)+"\n"+string(chat)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, program, s.url(""), s.setup.Trips[0].ID.String(), s.setup.Users[0].ID.String())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client in Python: %v\n%s", err, out.Bytes())
		}
	}
}
