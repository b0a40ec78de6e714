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

// TestTheAddressIsTheOneOfThePROXYProtocol, over both transports. What a client says in headers
// changes nothing, and who is no trusted proxy says nothing.
func TestTheAddressIsTheOneOfThePROXYProtocol(t *testing.T) {
	s := start(t, sqliteFile(t), "--trusted-proxies", "127.0.0.0/8", "--proxy-protocol", "--access-log")
	const header = "PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\n"
	const behind = " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\n"
	upgrade := behind + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	auth := "Authorization: Bearer " + bearer(t, 0) + "\r\n"
	s.raw(header+"GET "+roomsPath+behind+"\r\n", 1)
	s.raw(header+"GET "+roomsPath+behind+auth+"\r\n", 1)
	s.raw(header+"GET /ws/none/"+upgrade+"\r\n", 1)
	s.raw(header+"nonsense\r\n\r\n", 1)
	if a := s.raw("GET "+roomsPath+behind+auth+"\r\n", 1)[0]; a.StatusCode != 400 || !strings.Contains(string(a.body), "no PROXY protocol header") {
		t.Errorf("without a header: %d %s", a.StatusCode, a.body)
	}
	for _, line := range []string{
		"reason=missing address=203.0.113.9 path=" + roomsPath,
		"msg=access kind=rest address=203.0.113.9 user=" + persist.FleetUser(0).String(),
		"reason=path address=203.0.113.9 path=/ws/none/",
		"reason=malformed address=203.0.113.9",
		"reason=proxy_header address=127.0.0.1",
	} {
		await.Until(t, line, func() bool { return strings.Contains(s.log.String(), line) })
	}
}

// TestAnAddressThatSendsBadTokensWaits: over both transports, alone, and it is told for how
// long.
func TestAnAddressThatSendsBadTokensWaits(t *testing.T) {
	s := start(t, sqliteFile(t), "--trusted-proxies", "127.0.0.1", "--address-tokens", "3", "--address-connects", "1")
	rooms := func(from, bearer string) answer { return s.call(bearer, "GET", roomsPath, "", "X-Forwarded-For", from) }
	room := "/ws/chat/" + persist.FleetTrip(0).String() + "/"
	s.handshake(room, http.Header{"Authorization": {"Bearer x.y.z"}, "X-Forwarded-For": {"192.0.2.1"}})
	for range 2 {
		if a := rooms("192.0.2.1", "x.y.z"); a.StatusCode != 401 {
			t.Errorf("a bad token: %d %s", a.StatusCode, a.body)
		}
	}
	if a := rooms("192.0.2.1", bearer(t, 0)); a.StatusCode != 429 || a.code() != "rate_limited" || a.Header.Get("Retry-After") == "" {
		t.Errorf("after three of them: %d %s %v", a.StatusCode, a.body, a.Header)
	}
	s.handshake(room, http.Header{"Authorization": {"Bearer " + bearer(t, 0)}, "X-Forwarded-For": {"192.0.2.1"}})
	if a := rooms("192.0.2.2", bearer(t, 0)); a.StatusCode != 200 {
		t.Errorf("another address: %d %s", a.StatusCode, a.body)
	}
	if a := rooms("", bearer(t, 0)); a.StatusCode != 200 {
		t.Errorf("the proxy's own: %d %s", a.StatusCode, a.body)
	}
	for range 30 { // 10 and one a second
		s.handshake(room, http.Header{"X-Forwarded-For": {"192.0.2.3"}}) // no token, which is no bad one
	}
	for _, line := range []string{
		`reason="tokens of the address" address=192.0.2.1 path=` + roomsPath,
		`reason="connects of the address" address=192.0.2.3 path=` + room,
	} {
		await.Until(t, line, func() bool { return strings.Contains(s.log.String(), line) })
	}
	text := string(s.admin("/metrics").body)
	for metric, there := range map[string]bool{`address_refusals_total{limit="tokens"} 2`: true, `address_refusals_total{limit="connects"} 0`: false, "addresses 2": true} {
		if strings.Contains(text, "\ncaravan_"+metric+"\n") != there {
			t.Errorf("%s is told: %v", metric, !there)
		}
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
