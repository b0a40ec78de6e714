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

// What is no answer of the chat's ends nothing: a token that cannot be had, a page of a proxy, and a date in Retry-After.
func TestPythonClientOutlastsWhatOthersAnswer(t *testing.T) {
	t.Parallel()
	servers.Needs(t, "Python")
	program := pythonClient(t) + `
import collections, http.server, sys
seen = collections.Counter()
class Chat(http.server.BaseHTTPRequestHandler):
    def answer(self):
        kind = "token" if "token" in self.path else self.command
        seen[kind] += 1
        status, headers, body = 200, {}, b'{"token": "t", "results": [], "seq": 0, "id": "m", "rev": 1}'
        if kind == "token" and seen[kind] <= 2: status = 403
        elif kind != "token" and seen[kind] == 1: body = b"<html>sign in to this network"
        elif kind != "token" and seen[kind] == 2: status, headers = 503, {"Retry-After": "Fri, 02 Jan 2026 03:04:05 GMT"}
        self.send_response(status)
        for name in headers: self.send_header(name, headers[name])
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *line): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
threading.Thread(target=server.serve_forever, daemon=True).start()
url, shown = f"http://127.0.0.1:{server.server_port}", threading.Event()
def token(): return json.load(urllib.request.urlopen(url + "/token"))["token"]
room = Room(url, "trip", token, lambda m: shown.set())
room.send("one")
follows = lambda: seen["GET"] > 3
for _ in range(600):
    if shown.is_set() and follows(): break
    time.sleep(0.05)
sys.exit(not (shown.is_set() and follows() and not room.failed and not room.pending) and str((seen, room.failed, room.pending)))
`
	out, err := exec.CommandContext(t.Context(), "python3", "-c", program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
