package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// TestWhoIsTurnedAwayLeavesALine: over both transports, with the reason, the address and the
// path, and never with a token.
func TestWhoIsTurnedAwayLeavesALine(t *testing.T) {
	s := start(t, sqliteFile(t), "--allowed-origins", "https://app.example.com")
	good := bearer(t, 0)
	sign := func(user uuid.UUID, ttl time.Duration, secret string) string {
		signed, err := token.Sign([]byte(secret), user, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	room, rooms := "/ws/chat/"+persist.FleetTrip(0).String()+"/", roomsPath
	for _, c := range []struct{ why, path, query, bearer, origin string }{
		{"missing", room, "", "", ""},
		{"signature", room, "", sign(persist.FleetUser(0), time.Hour, strings.Repeat("x", 32)), ""},
		{"expired", room, "", sign(persist.FleetUser(0), -time.Hour, secret), ""},
		{"unknown user", room, "", sign(uuid.New(), time.Hour, secret), ""},
		{"no collaborator", "/ws/chat/" + uuid.NewString() + "/", "", good, ""},
		{"origin https://evil.example", room, "", good, "https://evil.example"},
		{"since", room, "?since=x", good, ""},
		{"version", room, "?v=x", good, ""},
		{"path", "/ws/none/", "", good, ""},
	} {
		s.handshake(c.path+c.query, http.Header{"Authorization": {"Bearer " + c.bearer}, "Origin": {c.origin}})
		s.turnedAway(c.why, c.path)
	}
	for why, bearer := range map[string]string{"malformed": "x.y.z", "algorithm": "eyJhbGciOiJub25lIn0.e30."} {
		s.call(bearer, "GET", rooms, "")
		s.turnedAway(why, rooms)
	}
	if strings.Contains(s.log.String(), strings.Split(good, ".")[2]) {
		t.Error("the log has a token")
	}
	if strings.Contains(s.log.String(), "msg=access") {
		t.Error("there is an access log that nobody asked for")
	}
}

// handshake asks for a WebSocket and gives it up once it is answered, or closed.
func (s *server) handshake(path string, header http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		if values[0] != "" {
			r.Header.Set(name, values[0])
		}
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if c, ok := res.Body.(interface{ Read([]byte) (int, error) }); ok && res.StatusCode == http.StatusSwitchingProtocols {
		_, _ = c.Read(make([]byte, 100)) // the close, or the history
	}
	_ = res.Body.Close()
}

// turnedAway waits for the line of a client that was turned away.
func (s *server) turnedAway(why, path string) {
	s.t.Helper()
	if strings.Contains(why, " ") {
		why = `"` + why + `"`
	}
	want := `msg="turned away" reason=` + why + " address=127.0.0.1 path=" + path
	await.Until(s.t, want, func() bool { return strings.Contains(s.log.String(), want) })
}

// TestTheAddressIsTheClientsBehindATrustedProxy, over both transports.
func TestTheAddressIsTheClientsBehindATrustedProxy(t *testing.T) {
	for proxies, want := range map[string]string{"127.0.0.0/8": "203.0.113.9", "10.0.0.0/8": "127.0.0.1"} {
		s := start(t, sqliteFile(t), "--trusted-proxies", proxies)
		s.handshake("/ws/none/", http.Header{"X-Forwarded-For": {"1.1.1.1, 203.0.113.9"}})
		line := "reason=path address=" + want + " path=/ws/none/"
		await.Until(t, line, func() bool { return strings.Contains(s.log.String(), line) })
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+roomsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"X-Forwarded-For": {"1.1.1.1", "203.0.113.9"}} // two fields
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		line = "reason=missing address=" + want + " path=" + roomsPath
		await.Until(t, line, func() bool { return strings.Contains(s.log.String(), line) })
	}
}

// TestVisitsAreLoggedOnDemand, of both transports.
func TestVisitsAreLoggedOnDemand(t *testing.T) {
	s := start(t, sqliteFile(t), "--access-log")
	member, _ := s.join(0, 0)
	s.call(bearer(t, 0), "GET", roomsPath+"?limit=1", "")
	_ = member.conn.Close()
	user := persist.FleetUser(0).String()
	for _, want := range []string{
		"msg=access kind=rest address=127.0.0.1 user=" + user + " method=GET path=" + roomsPath + " status=200 bytes=",
		"msg=access kind=socket address=127.0.0.1 user=" + user + " path=/ws/chat/" + persist.FleetTrip(0).String() + "/ code=1006 cause=lost stayed=",
	} {
		await.Until(t, want, func() bool { return strings.Contains(s.log.String(), want) })
	}
}
