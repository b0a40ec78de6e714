package demo_test

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

// Three clients of protocol/client chat while the server is killed and started again: one on the socket of its user, one on
// that of the room, one over REST. They say themselves what was lost, repeated or reordered.
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
	killed := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if lines.Text() == "half" {
			s.kill()
			s.start()
			killed = true
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	if !killed {
		t.Fatal("the clients never said that the server may be killed")
	}
}
