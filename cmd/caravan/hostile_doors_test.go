package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// restPlaces is how many connections may speak plain HTTP on a machine with files enough.
const restPlaces = 4_096

// knock opens a connection, sends something, and leaves it open until the test ends.
func (n *hostileNode) knock(sent string) (net.Conn, *bufio.Reader) {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.listen)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, sent); err != nil {
		n.t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * await.Limit)); err != nil {
		n.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// freshCalls makes REST calls of user i, each on a connection of its own, and returns how
// long they took, sorted. One that is not answered with 200 fails the test.
func (n *hostileNode) freshCalls(i, calls int) []time.Duration {
	n.t.Helper()
	var took []time.Duration
	for range calls {
		begun := time.Now()
		_, in := n.knock("GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + n.bearer(i) + "\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			n.t.Errorf("a call of a bystander: %s, %v", res.Status, err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}

// untroubled compares a bystander's times beside an attack with those alone.
func untroubled(t *testing.T, what string, alone, beside []time.Duration) {
	t.Helper()
	t.Logf("%s: alone %v, beside it %v (half), %v and %v (99%%)", what, percentile(alone, 50), percentile(beside, 50), percentile(alone, 99), percentile(beside, 99))
	if got, bound := percentile(beside, 50), 20*percentile(alone, 50)+50*time.Millisecond; got > bound {
		t.Errorf("%s: half took more than %v, %v alone", what, got, percentile(alone, 50))
	}
}

// TestIdleStrangersDoNotShutRESTOff: strangers take all of REST's places with connections
// on which they ask for nothing, or for half a thing, and more. Members are served on new
// connections, over both transports.
func TestIdleStrangersDoNotShutRESTOff(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil)
		alone := n.freshCalls(newcomer, 20)
		quiet := n.standBy(chatsApart)
		time.Sleep(time.Second)
		chatAlone := quiet.rest(t)
		watcher := n.standBy(chatsApart)
		half := [...]string{"", "GET / HTTP/1.1\r\nHost:", "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nContent-Length: 160000\r\n\r\n{"}
		taken := func() bool { return n.metric("caravan_rest_connections_yielded_total") > 0 }
		// Some are turned away on the way to REST, where it does not keep up with them.
		for i := 0; i < 2*restPlaces && (i < restPlaces || i%100 != 0 || !taken()); i++ {
			n.knock("GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n\r\n" + half[i%len(half)])
		}
		await.Until(t, "all places are taken", taken)
		untroubled(t, "calls", alone, n.freshCalls(newcomer, 100))
		if err := n.newcomerIsServed(); err != nil {
			t.Error(err)
		}
		untroubled(t, "messages", chatAlone, watcher.rest(t))
		if crowded := n.metric(`caravan_rest_crowded_total{reason="connections"}`); crowded > 0 {
			t.Errorf("%v connections were turned away while others were idle", crowded)
		}
		if status, why := n.ready(); status != http.StatusOK {
			t.Errorf("readyz: %d %s", status, why)
		}
	})
}

// TestBodiesOfStrangersCostNothing: who announces a large body and sends little of it
// holds no memory without a good token, and with one what has come.
func TestBodiesOfStrangersCostNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil)
		alone := n.freshCalls(newcomer, 20)
		before := n.resident()
		post := "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 160000\r\n"
		const strangers, members = 1_500, 20
		for range strangers {
			_, in := n.knock(post + "Authorization: Bearer nonsense\r\n\r\n" + strings.Repeat(" ", 100))
			if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusUnauthorized || !res.Close {
				t.Fatalf("%v, %v", res, err)
			}
		}
		if held := n.metric("caravan_rest_body_bytes"); held > 0 {
			t.Errorf("%.0f bytes of strangers' bodies are kept", held)
		}
		for range members {
			n.knock(post + "Authorization: Bearer " + n.bearer(attackers[0]) + "\r\n\r\n" + strings.Repeat(" ", 1_000))
		}
		await.Until(t, "the members' bytes have come", func() bool { return n.metric("caravan_rest_body_bytes") >= members*1_000 })
		if held := n.metric("caravan_rest_body_bytes"); held > members*4_000 {
			t.Errorf("%.0f bytes are kept of %d bodies of which 1000 have come", held, members)
		}
		if busy := n.metric("caravan_rest_requests_in_flight"); busy > 0 {
			t.Errorf("%.0f requests that have not come are at work", busy)
		}
		untroubled(t, "calls", alone, n.freshCalls(newcomer, 50))
		if grown := n.resident() - before; grown > 128<<20 {
			t.Errorf("the server grew by %d MiB", grown>>20)
		}
	})
}

// TestOneMemberDoesNotTakeAllPlacesOfREST: a member's long polls and slow requests are
// bounded, and the others' go on.
func TestOneMemberDoesNotTakeAllPlacesOfREST(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--rate", "0")
		alone := n.freshCalls(newcomer, 20)
		poll := fmt.Sprintf("GET /api/v1/chat/rooms/%s/messages/?since=0&wait=60s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
			persist.FleetTrip(0), n.bearer(attackers[0]))
		for range 600 {
			n.knock(poll)
		}
		await.Until(t, "some are refused", func() bool { return n.metric(`caravan_rest_crowded_total{reason="user"}`) >= 300 })
		if polls := n.metric("caravan_rest_long_polls"); polls > 200 {
			t.Errorf("%.0f long polls of one member wait", polls)
		}
		untroubled(t, "calls", alone, n.freshCalls(newcomer, 50))
	})
}

// TestABurstOfConnectionsIsAnswered: whoever comes with a whole request gets an answer,
// however many come at once.
func TestABurstOfConnectionsIsAnswered(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--rate", "0")
		var coming sync.WaitGroup
		var statuses [600]atomic.Int32
		var silent atomic.Int32
		request := "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + n.bearer(newcomer) + "\r\n\r\n"
		begin := make(chan struct{})
		for range 2_000 {
			coming.Go(func() {
				<-begin
				conn, err := net.Dial("tcp", n.listen)
				if err != nil {
					silent.Add(1)
					return
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * await.Limit))
				_, _ = io.WriteString(conn, request)
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					silent.Add(1)
					return
				}
				statuses[res.StatusCode].Add(1)
			})
		}
		close(begin)
		coming.Wait()
		good, busy, rated := statuses[200].Load(), statuses[503].Load(), statuses[429].Load()
		t.Logf("%d served, %d told to come again, %d of them by the user's share", good, busy+rated, rated)
		if silent.Load() > 0 || good+busy+rated != 2_000 || good == 0 {
			t.Errorf("%d got no answer; %d served, %d and %d refused", silent.Load(), good, busy, rated)
		}
		n.freshCalls(newcomer, 20)
	})
}

// TestUnknownKeysHoldNobodyUp: the JWKS endpoint hangs, and strangers come with tokens
// that name keys at random. Members with known keys are served, and the strangers are
// told to come again.
func TestUnknownKeysHoldNobodyUp(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		over := make(chan struct{})
		endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}))
		defer endpoint.Close()
		defer close(over)
		n := startHostile(t, database, nil, "--jwt-jwks-url", endpoint.URL)
		alone := n.freshCalls(newcomer, 20)
		watcher := n.standBy(chatsApart)
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		stranger := func(i int) string {
			claims := jwt.MapClaims{"token_type": "access", "user_id": persist.FleetUser(2).String(), "exp": time.Now().Add(time.Hour).Unix()}
			unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
			unsigned.Header["kid"] = fmt.Sprint("key ", i)
			signed, err := unsigned.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}
		const strangers = 700
		var ins []*bufio.Reader
		for i := range strangers {
			_, in := n.knock("GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + stranger(i) + "\r\n\r\n")
			ins = append(ins, in)
		}
		untroubled(t, "calls", alone, n.freshCalls(newcomer, 50))
		if err := n.newcomerIsServed(); err != nil {
			t.Error(err)
		}
		for _, in := range ins {
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
				t.Fatalf("a stranger's call: %v, %v", res, err)
			}
		}
		conn, early, _, err := ws.Dial(t.Context(), fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s", n.listen, persist.FleetTrip(0), stranger(-1)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(2 * await.Limit))
		if early != nil {
			conn = earlyConn{conn, early}
		}
		_, err = wsutil.ReadServerText(conn)
		if closed := (wsutil.ClosedError{}); !errors.As(err, &closed) || closed.Code != 1011 {
			t.Errorf("a stranger's WebSocket: %v", err)
		}
		if unknown := n.metric("caravan_tokens_key_unknown_total"); unknown != strangers+1 {
			t.Errorf("%.0f tokens are counted as of no known key, want %d", unknown, strangers+1)
		}
		watcher.rest(t)
	})
}

// TestTheFirstRequestIsJudgedLikeTheLaterOnes: the loops judge the first request of a
// connection, and the REST server the others. What one refuses the other refuses, too,
// in the same words.
func TestTheFirstRequestIsJudgedLikeTheLaterOnes(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--rate", "0")
		good := "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + n.bearer(newcomer) + "\r\n\r\n"
		for _, odd := range []string{
			"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
			"GET / HTTP/1.1\nHost: x\n\n",
			"GET / HTTP/1.1\r\nHost: x\nX: a\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nFoo bar: x\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nFoo : x\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
			"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
			"GET / HTTP/1.1\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
			"GET x HTTP/1.1\r\nHost: x\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
			"GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
			"GET /ws/chat/x/ HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 17_000) + "\r\n\r\n",
		} {
			var answers []string
			for _, before := range []string{"", good, good + good} {
				_, in := n.knock(before + odd + good)
				for range strings.Count(before, "GET") {
					res, err := http.ReadResponse(in, nil)
					if err != nil || res.StatusCode != http.StatusOK {
						t.Fatalf("%v, %v", res, err)
					}
					if _, err := io.Copy(io.Discard, res.Body); err != nil {
						t.Fatal(err)
					}
				}
				all, err := io.ReadAll(in) // the refusal, and then the end
				if err != nil {
					t.Errorf("%.60q behind %d others: %v", odd, strings.Count(before, "GET"), err)
				}
				answers = append(answers, withoutDate(string(all)))
			}
			if answers[0] != answers[1] || answers[0] != answers[2] || strings.Count(answers[0], "HTTP/1.1 ") != 1 || strings.Contains(answers[0], " 200 ") {
				t.Errorf("%.60q: %q", odd, answers)
			}
		}
	})
}

// withoutDate takes the Date out of an answer.
func withoutDate(answer string) string {
	before, rest, _ := strings.Cut(answer, "Date: ")
	_, after, _ := strings.Cut(rest, "\r\n")
	return before + after
}
