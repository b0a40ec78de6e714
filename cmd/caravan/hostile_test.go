package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// The tests of hostile_*_test.go start a server as a process, and have one member do
// harm while bystanders do what they always do. The server is built without the race
// detector, which makes it take several times the memory and the time that are measured.

// plainDirectory is where that server's program is; empty while there is none.
var plainDirectory string

// plain is that program, built once.
var plain = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "caravan-hostile-")
	if err != nil {
		return "", err
	}
	plainDirectory = dir
	program := filepath.Join(dir, "caravan")
	if out, err := exec.Command("go", "build", "-ldflags=-w", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
})

const (
	hostileUsers  = 16 // user i is on trip i mod 2
	hostileTrips  = 2
	hostileSecret = "a secret of the hostile tests, of 32 bytes or more"
)

// hostileNode is a server that somebody attacks.
type hostileNode struct {
	*served
}

// onEachStore runs a test on both stores, at the same time.
func onEachStore(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "caravan.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, migrated.Postgres(t, pgserver.Shared(t)))
	})
}

// another is a database apart, of the same store as that one.
func another(t *testing.T, database string) string {
	t.Helper()
	if strings.HasPrefix(database, "sqlite:") {
		return "sqlite:" + filepath.Join(t.TempDir(), "caravan.db")
	}
	return migrated.Postgres(t, pgserver.Shared(t))
}

// startHostile seeds a fleet and starts a server, with further variables of the
// environment (NAME=value) and flags.
func startHostile(t *testing.T, database string, env []string, flags ...string) *hostileNode {
	t.Helper()
	seeded := caravan(t, nil, "seed", "--users", strconv.Itoa(hostileUsers), "--trips", strconv.Itoa(hostileTrips), "--database", database)
	if seeded.status != 0 {
		t.Fatalf("seed: %+v", seeded)
	}
	return &hostileNode{serveBy(t, plainProcess(t, env, append([]string{"--database", database, "--jwt-secret", hostileSecret}, flags...)...))}
}

// bearer returns a token of user i.
func (n *hostileNode) bearer(i int) string {
	n.t.Helper()
	signed, err := token.Sign([]byte(hostileSecret), persist.FleetUser(i), time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return signed
}

// enter opens a WebSocket of user i in the room of their trip. query is "" or "&since=…".
func (n *hostileNode) enter(i int, query string) (net.Conn, error) {
	n.t.Helper()
	url := fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s%s", n.listen, persist.FleetTrip(i%hostileTrips), n.bearer(i), query)
	conn, early, _, err := ws.Dial(n.t.Context(), url)
	if err != nil {
		return nil, err
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	if early != nil {
		return earlyConn{conn, early}, nil
	}
	return conn, nil
}

// call makes a REST call of user i, and returns its status and body.
func (n *hostileNode) call(i int, method, path, body string) (status int, answer string) {
	n.t.Helper()
	res, answer := n.ask(i, method, path, body)
	return res.StatusCode, answer
}

// ask makes a REST call of user i, and returns its answer and that one's body.
func (n *hostileNode) ask(i int, method, path, body string) (res *http.Response, answer string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, "http://"+n.listen+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.bearer(i))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err = http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res, string(text)
}

// metric returns the value of a metric, written as on /metrics with its labels; zero
// where it is not there.
func (n *hostileNode) metric(name string) float64 {
	n.t.Helper()
	for line := range strings.Lines(n.metrics()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// resident returns the most bytes that the server has had in memory so far.
func (n *hostileNode) resident() int64 {
	n.t.Helper()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return kib << 10
		}
	}
	n.t.Fatal("the kernel does not say how much memory the server has")
	return 0
}

// bystander is a member who sends messages and waits for each to come back.
type bystander struct {
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	trips []time.Duration
	err   error
}

// standBy lets user i chat, a message each 50 ms, until rest is called.
func (n *hostileNode) standBy(i int) *bystander {
	n.t.Helper()
	conn, err := n.enter(i, "")
	if err != nil {
		n.t.Fatal(err)
	}
	b := &bystander{stop: make(chan struct{})}
	b.done.Go(func() {
		for round := 0; ; round++ {
			trip, err := roundTrip(conn, fmt.Sprintf("bystander %d says %d", i, round))
			b.mu.Lock()
			b.trips, b.err = append(b.trips, trip), err
			b.mu.Unlock()
			if err != nil {
				return
			}
			select {
			case <-b.stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return b
}

// roundTrip sends a message and waits until it comes back.
func roundTrip(conn net.Conn, text string) (time.Duration, error) {
	begun := time.Now()
	if err := conn.SetDeadline(begun.Add(await.Limit)); err != nil {
		return 0, err
	}
	if err := wsutil.WriteClientText(conn, []byte(`{"type":"chat_message","content":"`+text+`"}`)); err != nil {
		return 0, err
	}
	for {
		frame, err := wsutil.ReadServerText(conn)
		switch {
		case err != nil:
			return 0, err
		case strings.HasPrefix(string(frame), `{"type":"error"`):
			return 0, fmt.Errorf("refused: %s", frame)
		case strings.HasPrefix(string(frame), `{"type":"chat_message"`) && strings.Contains(string(frame), text):
			return time.Since(begun), nil
		}
	}
}

// rest ends the bystander and returns its round trips, sorted. That one failed fails
// the test.
func (b *bystander) rest(t *testing.T) []time.Duration {
	t.Helper()
	close(b.stop)
	b.done.Wait()
	if b.err != nil {
		t.Fatalf("the bystander, after %d messages: %v", len(b.trips), b.err)
	}
	slices.Sort(b.trips)
	return b.trips
}

// percentile returns a value of sorted ones.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
