package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// TestAnOperatorSeesAndKicksClients, of a room and of a user, by the address that a proxy has
// said.
func TestAnOperatorSeesAndKicksClients(t *testing.T) {
	s := start(t, sqliteFile(t), "--trusted-proxies", "127.0.0.1")
	ask := func(method, path string) string {
		t.Helper()
		a := s.call("", method, "http://"+s.app.AdminAddr()+path, "")
		if a.StatusCode != 200 {
			t.Fatalf("%s %s: %s %s", method, path, a.Status, a.body)
		}
		return string(a.body)
	}
	all := func(query string) int {
		t.Helper()
		var list struct{ All int }
		if err := json.Unmarshal([]byte(ask("GET", "/connections?"+query)), &list); err != nil {
			t.Fatal(err)
		}
		return list.All
	}
	user := func(i int) string { return "user=" + persist.FleetUser(i).String() }
	trip := func(j int) string { return "room=" + persist.FleetTrip(j).String() }
	first, _ := s.join(0, 0)
	second, _ := s.join(1, 1)
	dialer := ws.Dialer{Header: ws.HandshakeHeaderString("X-Forwarded-For: 203.0.113.9\r\n")}
	url := strings.Replace(s.url, "http", "ws", 1) + "/ws/chat/?v=2&token=" + bearer(t, 0)
	conn, _, _, err := dialer.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	third := &member{t, conn}
	third.send(`{"type":"subscribe","rooms":[{"id":"` + persist.FleetTrip(0).String() + `"}]}`)
	await.Until(t, "all are in", func() bool { return all("") == 3 && all(trip(0)) == 2 })
	for query, want := range map[string]int{user(0): 2, user(3): 0, trip(1): 1, user(1) + "&" + trip(0): 0,
		"address=203.0.113.9": 1, "address=127.0.0.1": 2} {
		if n := all(query); n != want {
			t.Errorf("%s: %d connections, want %d", query, n, want)
		}
	}
	if text := ask("GET", "/connections?address=203.0.113.9"); !strings.Contains(text, `"version":2`) || !strings.Contains(text, persist.FleetUser(0).String()) {
		t.Errorf("the one behind a proxy is %s", text)
	}
	if text := ask("POST", "/connections/kick?"+trip(0)+"&code=4003&reason=no+more"); !strings.Contains(text, `"kicked":2`) {
		t.Errorf("kick: %s", text)
	}
	first.isClosed(4003)
	third.isClosed(4003)
	if text := ask("POST", "/connections/kick?"+user(1)); !strings.Contains(text, `"kicked":1`) {
		t.Errorf("kick: %s", text)
	}
	second.isClosed(1012)
	if n := all(""); n != 0 || s.figure("caravan_kicks_total") != 3 {
		t.Errorf("%d are left, %d kicks", n, s.figure("caravan_kicks_total"))
	}
}

// isClosed reads until the close, which must have that code.
func (m *member) isClosed(want ws.StatusCode) {
	m.t.Helper()
	for {
		if _, code := m.next(); code != 0 {
			if code != want {
				m.t.Errorf("closed with %d, want %d", code, want)
			}
			return
		}
	}
}
