package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/bench/verify"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol/token"
)

// rollingFor makes a long run of TestARollingRestartShowsNobodyAnError, for before a release.
var rollingFor = flag.Duration("rolling-for", 0,
	"how long the nodes behind each proxy are restarted, one proxy after the other and with little load; 0: each node once")

// load is what clients do meanwhile.
type load struct {
	rate  float64       // of each member of the fleet, actions a second
	pause time.Duration // of a strict client, after each call
}

var (
	brisk  = load{rate: 3, pause: 10 * time.Millisecond}
	gentle = load{rate: 0.5, pause: 200 * time.Millisecond} // leaves the machine to others for an hour
)

// The fleet has a room more than it uses: for strict, which is no part of the account.
const (
	members = 10
	rooms   = 2
	users   = members / rooms * (rooms + 1)
)

// strict are clients beside the fleet that take nothing but success: they post, read and
// enter, again and again, until the end of ctx. made counts their calls.
func strict(ctx context.Context, t *testing.T, address string, pause time.Duration) (all *sync.WaitGroup, made *atomic.Int64) {
	t.Helper()
	base := "http://" + address
	by := bearer(t, rooms)
	endpoint, err := wire.ParseEndpoint(base)
	if err != nil {
		t.Fatal(err)
	}
	trip := fleet.Trip(rooms).String()
	n := 0
	post := func() error {
		n++
		body := fmt.Sprintf(`{"chat_room":"%s","content":"strict","client_id":"strict-%d"}`, trip, n)
		return call(http.MethodPost, base+"/api/v1/chat/messages/", by, body, http.StatusCreated)
	}
	read := func() error {
		return call(http.MethodGet, base+"/api/v1/chat/rooms/"+trip+"/messages/?limit=1", by, "", http.StatusOK)
	}
	enter := func() error {
		const framesMax = 1 << 20
		c, err := wire.Dial(context.Background(), endpoint, "/ws/chat/"+trip+"/", wire.Credential{Bearer: by}, [4]byte{1, 2, 3, 4}, framesMax)
		if err != nil {
			return err
		}
		defer c.Close()
		var end *wire.CloseError
		first, err := c.Read()
		switch {
		case errors.As(err, &end) && end.Code == 1012: // it came in the moment in which a node went
			return nil
		case err == nil && !bytes.HasPrefix(first, []byte(`{"type":"message_history"`)):
			return fmt.Errorf("the first frame is %s", first)
		}
		return err
	}
	all, made = new(sync.WaitGroup), new(atomic.Int64)
	for name, act := range map[string]func() error{"post": post, "read": read, "enter": enter} {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := act(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				made.Add(1)
				time.Sleep(pause)
			}
		})
	}
	return all, made
}

// call makes a REST call on a connection of whichever are kept.
func call(method, url, bearer, body string, want int) error {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s %s", res.Status, text)
	}
	return err
}

// underLoad has a fleet write, change, read, reconnect and resume through an address while
// act goes on. Nothing may be lost, repeated or reordered, and nobody refused.
func underLoad(t *testing.T, address string, load load, act func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	report, begun := make(chan *ledger.Report, 1), make(chan struct{})
	events, note := io.Pipe()
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		ends(t, events)
	}()
	go func() {
		defer close(report)
		defer note.Close()
		r, err := verify.Run(ctx, verify.Config{
			URLs:    []string{"ws://" + address, "ws://" + address}, // two nodes: one may lag behind the other for a moment
			Members: members, Rooms: rooms, Rate: load.rate, Session: 10 * time.Second, Duration: *rollingFor + time.Hour,
			Fleet: fleet.Fleet{Users: users, Trips: rooms + 1},
			Mint:  func(u uuid.UUID) (string, error) { return token.Sign([]byte(secret), u, *rollingFor+time.Hour) },
			Begun: begun, Events: note,
		})
		if err != nil {
			t.Error(err)
			return
		}
		report <- r
	}()
	clients, made := strict(ctx, t, address, load.pause)
	await.Done(t, "the fleet is in", begun)
	act()
	time.Sleep(500 * time.Millisecond) // and after
	stop()
	clients.Wait()
	var r *ledger.Report
	select {
	case r = <-report:
	case <-time.After(3 * await.Limit):
	}
	if r == nil {
		t.Fatal("there is no account")
	}
	for what, found := range map[string]ledger.Finding{"lost": r.Lost, "repeated": r.Repeated, "reordered": r.Reordered, "unexplained": r.Unexplained} {
		if found.Count > 0 {
			t.Errorf("%s: %+v", what, found)
		}
	}
	for code, n := range r.Refused {
		// Of what somebody else deleted in the same moment; in a long run a room fills with pins.
		if code != "not_found" && code != "invalid_reply" && code != "too_many_pins" {
			t.Errorf("%d refusals with %s", n, code)
		}
	}
	await.Done(t, "each end is judged", judged)
	if r.Ended["1012"] == 0 || r.Sent == 0 {
		t.Errorf("nothing happened: %+v", r)
	}
	var account strings.Builder
	_ = r.WriteText(&account) // a Builder takes all
	t.Logf("%d calls of strict clients, and of the fleet:\n%s", made.Load(), account.String())
}

// ends reads what the fleet notes. Whose connection ended was told that a node goes.
func ends(t *testing.T, events io.Reader) {
	t.Helper()
	for lines := json.NewDecoder(events); ; {
		var e ledger.Record
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Error(err)
			_, _ = io.Copy(io.Discard, events) // or the fleet waits
			return
		case e.Kind == ledger.Ended && e.Code != strconv.Itoa(1012):
			t.Errorf("a connection ended: %+v", e)
		}
	}
}

func seed(t *testing.T, database string) {
	t.Helper()
	run(t, "seed", "--users", strconv.Itoa(users), "--trips", strconv.Itoa(rooms+1), "--database", database)
}

// TestARollingRestartShowsNobodyAnError: of two nodes behind each proxy, one after another is
// told to stop and started again, under load. Once each, or for an hour:
//
//	go test ./deploy -run TestARollingRestart -rolling-for 20m -timeout 90m -v
func TestARollingRestartShowsNobodyAnError(t *testing.T) {
	does := gentle
	if *rollingFor == 0 {
		t.Parallel()
		does = brisk
	}
	redis := redisserver.Start(t).URL()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			if *rollingFor == 0 {
				t.Parallel()
			}
			flags := []string{"--database", pgserver.Shared(t).Database(t), "--redis", redis, "--redis-prefix", p.name,
				"--rate", "0", "--shutdown-delay", "3s", "--drain-timeout", "20s"}
			nodes := []*node{startNode(t, flags...), startNode(t, flags...)}
			seed(t, flags[1])
			front := plainly(t, p.start(t, nodes[0].address, nodes[1].address))
			await.Until(t, "the proxy has found a node", func() bool {
				status, _ := ask(t.Context(), "http://"+front+"/api/v1/chat/rooms/")
				return status == http.StatusUnauthorized
			})
			underLoad(t, front, does, func() {
				begun, restarts := time.Now(), 0
				for restarts == 0 || time.Since(begun) < *rollingFor {
					for _, n := range nodes {
						restart(t, n)
						restarts++
					}
				}
				t.Logf("%d restarts in %v", restarts, time.Since(begun).Round(time.Second))
			})
		})
	}
}

// restart returns when a node is stopped, started, and found by the proxy.
func restart(t *testing.T, n *node) {
	t.Helper()
	n.stop(t)
	n.start(t)
	await.Until(t, "both are ready", func() bool {
		status, body := ask(t.Context(), "http://"+n.address+":9000/metrics")
		return status == http.StatusOK && strings.Contains(body, "caravan_ready 1\n")
	})
	time.Sleep(2 * time.Second) // the proxy's checks see it
}

// TestTheNextProcessTakesThePortsOver: on one host, a process starts on the ports of another
// one, which stops then. Nobody finds them closed.
func TestTheNextProcessTakesThePortsOver(t *testing.T) {
	t.Parallel()
	flags := []string{"--database", pgserver.Shared(t).Database(t), "--redis", redisserver.Start(t).URL(), "--reuse-port", "--rate", "0", "--drain-timeout", "20s"}
	running := startNode(t, flags...)
	seed(t, flags[1])
	underLoad(t, running.address+":8000", brisk, func() {
		for range 2 {
			next := newNode(t, running.address, flags...)
			next.start(t)
			await.Until(t, "the next one listens", func() bool { return strings.Contains(next.log(t), "msg=ready") })
			running.stop(t)
			running = next
		}
	})
	out, err := exec.Command(caravan(t), append(running.args, "--reuse-port=false")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--listen") {
		t.Errorf("without the flag the port was taken as well: %v\n%s", err, out)
	}
}
