package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

// text reads a frame as it came.
func (m *member) text() string {
	m.t.Helper()
	op, payload := m.hear()
	if op != ws.OpText {
		m.t.Fatal(op, string(payload))
	}
	return string(payload)
}

// joinAs2 connects user i to trip j with version 2 and the token as a subprotocol, and reads
// the history and what is the user's own.
func (s *server) joinAs2(i, j int) *member {
	s.t.Helper()
	dialer := ws.Dialer{Header: ws.HandshakeHeaderString("Sec-WebSocket-Protocol: token." + bearer(s.t, i) + "\r\n"), Protocols: []string{"caravan"}}
	conn, early, chosen, err := dialer.Dial(context.Background(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/"+persist.FleetTrip(j).String()+"/?v=2")
	if err != nil || chosen.Protocol != "caravan" {
		s.t.Fatal(chosen, err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	if early != nil {
		conn = earlyConn{conn, early}
	}
	m := &member{s.t, conn}
	for _, begins := range []string{`{"type":"message_history",`, `{"type":"own","v":2,`} {
		if text := m.text(); !strings.HasPrefix(text, begins) {
			s.t.Fatalf("got %s, want %s", text, begins)
		}
	}
	return m
}

// TestEachVersionHearsAPinOnBothNodes: live as a patch where the client knows patches; read
// from the database, as without Redis, with the whole message.
func TestEachVersionHearsAPinOnBothNodes(t *testing.T) {
	besideOthers(t)
	redis := redisserver.Start(t)
	database := migrated.Postgres(t, pgserver.Shared(t))
	flags := []string{"--redis", redis.URL(), "--roles", "member=pin,send", "--log-level", "debug"}
	one, two := start(t, database, flags...), start(t, database, flags...)
	for _, node := range []*server{one, two} {
		await.Until(t, "Redis carries notices", func() bool {
			return strings.Contains(string(node.admin("/metrics").body), "caravan_backplane_healthy 1\n")
		})
	}
	old, _ := one.join(0, 0)
	farOld, _ := two.join(2, 0)
	near, far := one.joinAs2(0, 0), two.joinAs2(2, 0)
	all := []*member{old, farOld, near, far}

	old.send(`{"type":"chat_message","content":"hello"}`)
	var id string
	for _, m := range all {
		id = m.read().Message.ID
	}
	const change = `"change":"pin",`
	for _, step := range []struct {
		name, on   string
		redis      bool
		old, young string // what the other node's members hear
	}{
		{"with Redis", "true", true, `{"type":"message_edited",` + change + `"message":`, `{"type":"message_patch",`},
		{"with Redis, again", "false", true, `{"type":"message_edited",` + change + `"message":`, `{"type":"message_patch",`},
		{"without Redis", "true", false, `{"type":"message_edited","message":`, `{"type":"message_edited","message":`},
	} {
		if !step.redis {
			if err := redis.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		near.send(`{"type":"pin_message","message_id":"` + id + `","on":` + step.on + `,"client_id":"p1"}`)
		for m, want := range map[*member]string{
			old: `{"type":"message_edited",` + change + `"message":`, near: `{"type":"message_patch",`, farOld: step.old, far: step.young,
		} {
			if text := m.text(); !strings.HasPrefix(text, want) {
				t.Errorf("%s: got %s\nwant %s", step.name, text, want)
			}
		}
		if text := near.text(); !strings.HasPrefix(text, `{"type":"ack",`) {
			t.Errorf("%s: got %s, want the ack", step.name, text)
		}
	}
	near.send(`{"type":"edit_message","message_id":"` + id + `","content":"not allowed","client_id":"e1"}`)
	if f := near.read(); f.Type != "error" || f.Code != "not_allowed" {
		t.Errorf("%+v", f)
	}
	if a := one.call(bearer(t, 0), "PATCH", "/api/v1/chat/messages/"+id+"/", `{"content":"not allowed"}`); a.StatusCode != 403 || a.code() != "not_allowed" {
		t.Errorf("%d, %s", a.StatusCode, a.body)
	}
	if metrics := string(two.admin("/metrics").body); !strings.Contains(metrics, "caravan_members{version=\"1\"} 1\n") || !strings.Contains(metrics, "caravan_members{version=\"2\"} 1\n") {
		t.Error("the members are not counted by version")
	}
	if log := one.log.String() + two.log.String(); strings.Contains(log, "eyJ") {
		t.Errorf("a log tells a token:\n%s", log)
	}
}
