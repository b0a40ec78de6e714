package netpoll

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll/claim"
)

func TestRefusalsAreWholeResponses(t *testing.T) {
	s := start(t, Config{Handler: funcs{upgrade: func(r *Request) (any, *Refusal) {
		if r.Header("X-Wrong") != "" {
			return nil, &Refusal{Status: 403, ContentType: "application/json", Body: []byte(`{"no":true}`), RetryAfter: time.Minute}
		}
		return nil, nil
	}}})
	request := func(old, new string) string { return strings.Replace(plainRequest, old, new, 1) }
	for name, test := range map[string]struct {
		request string
		status  int
		body    string
		reason  RefusalReason
	}{
		"handler":    {request("Host:", "X-Wrong: 1\r\nHost:"), 403, `{"no":true}`, RefusedHandler},
		"version":    {request("Version: 13", "Version: 12"), 426, "", RefusedMalformed},
		"no host":    {request("Host: example.com\r\n", ""), 400, "", RefusedMalformed},
		"key":        {request("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400, "", RefusedMalformed},
		"bare LF":    {request("\r\nHost", "\nHost"), 400, "", RefusedMalformed},
		"too long":   {request("Host:", "X-Long: "+strings.Repeat("x", 17<<10)+"\r\nHost:"), 431, "", RefusedMalformed},
		"never ends": {"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10), 431, "", RefusedMalformed},
	} {
		before := s.Stats().Refused[test.reason]
		c := connect(t, s)
		c.write([]byte(test.request))
		r := c.response()
		body, err := io.ReadAll(r.Body)
		if r.StatusCode != test.status || err != nil || !r.Close || test.body != "" && string(body) != test.body {
			t.Errorf("%s: %s, close %v, %q, %v", name, r.Status, r.Close, body, err)
		}
		c.expectEOF()
		await.Until(t, "counted", func() bool { return s.Stats().Refused[test.reason] == before+1 })
	}
}

func TestRequestReachesTheHandler(t *testing.T) {
	got := make(chan Request, 1)
	s := start(t, Config{Handler: funcs{upgrade: func(r *Request) (any, *Refusal) {
		copied := *r
		copied.checked = nil
		if r.Header("x-other") != "value" || r.Header("User-Agent") != "ua" || r.Header("X-None") != "" {
			t.Error("other headers")
		}
		got <- copied
		return "the session", nil
	}, open: func(c *Conn) {
		if c.Session() != "the session" {
			t.Error(c.Session())
		}
	}}})
	c := dialWith(t, s, strings.Replace(plainRequest, "Host:",
		"Origin: https://o\r\nAuthorization: Bearer t\r\nUser-Agent: ua\r\nX-Other: value\r\nHost:", 1))
	want := Request{Path: "/path", RawQuery: "q=1", Host: "example.com", Origin: "https://o",
		Authorization: "Bearer t", Remote: c.conn.LocalAddr().(*net.TCPAddr).AddrPort()}
	if r := await.Value(t, "the request", got); r != want {
		t.Errorf("%+v", r)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	s := start(t, Config{Handler: funcs{}, HandshakeTimeout: 200 * time.Millisecond})
	silent, slow := connect(t, s), connect(t, s)
	slow.write([]byte(plainRequest[:20]))
	for _, c := range []*client{silent, slow} {
		if r := c.response(); r.StatusCode != http.StatusRequestTimeout {
			t.Error(r.Status)
		}
	}
	await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedTimeout] == 2 })
}

func TestConnectionsMax(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, ConnectionsMax: 3})
	var in []*client
	for range 3 {
		in = append(in, dial(t, s))
	}
	for range 5 {
		c := connect(t, s)
		c.write([]byte(plainRequest)) // comes after the refusal
		if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Error(r.Status, r.Header)
		}
		_ = c.conn.Close()
	}
	await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedConnections] == 5 })
	_ = in[0].conn.Close()
	await.Until(t, "room again", func() bool { return s.Stats().Sockets < 3 })
	c := dial(t, s)
	c.send("x")
	c.expect("x")
}

// A refusal that does not depend on the request waits for it all the same: Config has
// a word in what it says.
func TestWhoIsTurnedAwayIsHeardFirst(t *testing.T) {
	for name, turnAway := range map[string]func(*Server){
		"no room":  func(s *Server) { onLoop(t, s.loops[0], func() { s.limits.connectionsMax = 0 }) },
		"draining": func(s *Server) { s.drained.Store(true) },
	} {
		s := start(t, Config{Handler: funcs{}, Loops: 1, RefusalHeader: func(head []byte) string {
			line, _, _ := strings.Cut(string(head), "\r\n")
			return "X-Asked: " + line + "\r\n"
		}})
		turnAway(s)
		for _, cut := range []int{30, len(plainRequest)} { // the request comes in two pieces, or in one
			sent := make(chan struct{})
			s.loops[0].Post(func() { <-sent }) // the first is there when the connection is accepted
			c := connect(t, s)
			c.write([]byte(plainRequest[:cut]))
			close(sent)
			c.write([]byte(plainRequest[cut:]))
			if r := c.response(); r.StatusCode != 503 || r.Header.Get("X-Asked") != "GET /path?q=1 HTTP/1.1" {
				t.Errorf("%s: %s %v", name, r.Status, r.Header)
			}
			_ = c.conn.Close()
		}
		silent := connect(t, s)
		if r := silent.response(); r.StatusCode != 503 {
			t.Errorf("%s: one that asks for nothing: %s", name, r.Status)
		}
	}
}

// More refusals than can be waited for are still answered, and the engine lives.
func TestConnectionFlood(t *testing.T) {
	s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}, ConnectionsMax: 2}) // one loop accepts in order
	in := dial(t, s)
	var flood []*client
	for range claim.RefusedLingerMax + 50 {
		flood = append(flood, connect(t, s))
	}
	for i, c := range flood[1:] {
		if r := c.response(); r.StatusCode != 503 {
			t.Fatal(i, r.Status)
		}
	}
	if n := s.Stats().Sockets; n > 2+claim.RefusedLingerMax+1 {
		t.Errorf("%d sockets", n)
	}
	in.send("alive")
	in.expect("alive")
	for _, c := range flood {
		_ = c.conn.Close()
	}
	await.Until(t, "room again", func() bool { return s.Stats().Sockets == 1 })
}

func TestSilentClientIsPingedThenClosed(t *testing.T) {
	t.Parallel() // it waits
	j := newJournal()
	s := start(t, Config{Handler: funcs{close: j.close}, PingInterval: 200 * time.Millisecond, IdleTimeout: 700 * time.Millisecond})
	answers, silent := dial(t, s), dial(t, s)
	ended := make(chan uint16, 1)
	go func() { code, _ := silent.expectClose(); ended <- code }()
	for range 4 { // the last one comes after the silent one's time is over
		if op, _, err := answers.frame(); op != ws.OpPing || err != nil {
			t.Fatal(op, err)
		}
		answers.write(masked(ws.OpPong, ""))
	}
	if code := await.Value(t, "the end of the silent one", ended); code != CloseGoingAway {
		t.Errorf("silent client closed with %d", code)
	}
	j.expect(t, Closed{CloseGoingAway, "no sign of life", CauseIdle})
	j.expectNoMore(t, s)
}

// Without a clock: a silent client is pinged once an interval, no more, and closed
// when its time is over.
func TestPingsKeepTheirInterval(t *testing.T) {
	l, _ := loopOfNulls(t, 1)
	c := l.conns[0]
	limits := &l.shared.limits
	limits.pingInterval, limits.idleTimeout = 200*time.Millisecond, 700*time.Millisecond
	var pinged []moment
	for l.at = 1; c.state == stateOpen; l.at++ {
		before := l.counts.outboxBytes
		if l.inspect(c); c.state == stateOpen && l.counts.outboxBytes > before {
			pinged = append(pinged, l.at)
		}
	}
	if want := []moment{200, 400, 600}; !slices.Equal(pinged, want) || l.at != 701 {
		t.Errorf("pinged at %v, want %v; closed at %d", pinged, want, l.at-1)
	}
}

func TestPingsAreAnsweredInOrder(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}})
	c := dial(t, s)
	var b []byte
	for i := range 10 {
		b = append(b, masked(ws.OpPing, fmt.Sprint(i))...)
	}
	c.write(b)
	for i := range 10 {
		if op, p, err := c.frame(); op != ws.OpPong || p != fmt.Sprint(i) || err != nil {
			t.Fatal(i, op, p, err)
		}
	}
}

func TestPingFloodIsAnsweredInModeration(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, Config{Handler: funcs{message: echoBack}, Loops: 1})
	c, other := dial(t, s), dial(t, s)
	const pings = 5_000
	go func() {
		var b []byte
		for i := range pings {
			if b = append(b, masked(ws.OpPing, fmt.Sprint(i))...); len(b) > 32<<10 {
				_, _ = c.conn.Write(b)
				b = b[:0]
			}
		}
		_, _ = c.conn.Write(b)
	}()
	other.send("unharmed")
	other.expect("unharmed")
	for n := 1; ; n++ {
		op, p, err := c.frame()
		if op != ws.OpPong || err != nil {
			t.Fatal(op, err)
		}
		if p == fmt.Sprint(pings-1) {
			if n > 20*pongsPerSecondMax {
				t.Errorf("%d pongs", n)
			}
			return // the latest is answered in the end
		}
	}
}
