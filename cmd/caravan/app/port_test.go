package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/persist"
)

// raw sends bytes on a connection of its own and reads as many answers.
func (s *server) raw(sent string, answers int) []answer {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.app.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, sent); err != nil {
		s.t.Fatal(err)
	}
	var got []answer
	r := bufio.NewReader(conn)
	for range answers {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			s.t.Fatalf("after %d answers: %v", len(got), err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		got = append(got, answer{res, body})
	}
	return got
}

func TestOnePortSpeaksHTTPAsItComes(t *testing.T) {
	s := start(t, sqliteFile(t))
	auth := "Host: chat.example\r\nAuthorization: Bearer " + bearer(t, 0) + "\r\n"
	body := `{"chat_room":"` + persist.FleetTrip(0).String() + `","content":"x"}`
	for _, c := range []struct {
		name, sent string
		status     []int
	}{
		{"HTTP/1.1", "GET " + roomsPath + " HTTP/1.1\r\n" + auth + "\r\n", []int{200}},
		{"HTTP/1.0", "GET " + roomsPath + " HTTP/1.0\r\n" + auth + "\r\n", []int{200}},
		{"pipelined", strings.Repeat("GET "+roomsPath+" HTTP/1.1\r\n"+auth+"\r\n", 3), []int{200, 200, 200}},
		{"body in the same packet", "POST " + messagesPath + " HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body, []int{201}},
		{"chunked body", "POST " + messagesPath + " HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body), []int{201}},
		{"expecting 100", "POST " + messagesPath + " HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body, []int{100, 201}},
		{"large header", "GET " + roomsPath + " HTTP/1.1\r\n" + auth + "X-Large: " + strings.Repeat("x", 20_000) + "\r\n\r\n", []int{431}},
		{"announced body too large", "POST " + messagesPath + " HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n", []int{413}},
		{"WebSocket's path", "GET /ws/chat/" + persist.FleetTrip(0).String() + "/ HTTP/1.1\r\n" + auth + "\r\n", []int{426}},
		{"an upgrade behind a request", "GET " + roomsPath + " HTTP/1.1\r\n" + auth + "\r\n" + "GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", []int{200, 101}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.raw(c.sent, len(c.status))
			for i, want := range c.status {
				if got[i].StatusCode != want {
					t.Errorf("answer %d: %d %s, want %d", i, got[i].StatusCode, got[i].body, want)
				}
			}
		})
	}
	if got := s.raw("NONSENSE\r\n\r\n", 1); got[0].StatusCode != 400 {
		t.Errorf("no HTTP: %d %s", got[0].StatusCode, got[0].body)
	}
	for range 5 { // a body that goes on being sent must not destroy the answer
		if got := s.call(bearer(t, 0), "POST", messagesPath, strings.Repeat("x", 600_000)); got.StatusCode != 413 || got.code() != "too_large" {
			t.Errorf("a body too large: %d %s", got.StatusCode, got.body)
		}
	}
}

func TestOriginsCountForSocketsAndREST(t *testing.T) {
	s := start(t, sqliteFile(t), "--allowed-origins", "https://*.example.com")
	for origin, allowed := range map[string]bool{"https://app.example.com": true, "https://evil.example": false} {
		dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP{"Origin": {origin}}}
		conn, _, _, err := dialer.Dial(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+bearer(t, 0))
		if refused := ws.StatusError(0); allowed != (err == nil) || !allowed && (!errors.As(err, &refused) || refused != 403) {
			t.Errorf("socket from %s: %v", origin, err)
		}
		if err == nil {
			_ = conn.Close()
		}
		got := s.call(bearer(t, 0), "GET", roomsPath, "", "Origin", origin)
		if (got.Header.Get("Access-Control-Allow-Origin") == origin) != allowed {
			t.Errorf("REST from %s: %v", origin, got.Header)
		}
	}
}

func TestALongHistoryIsNoReasonToCallAClientSlow(t *testing.T) {
	s := start(t, sqliteFile(t), "--rate", "0", "--send-buffer", "64KiB", "--history-bytes", "1MiB")
	amina, _ := s.join(0, 0)
	long := strings.Repeat("\U0001F600", 10_000) // 40 kB
	for range 20 {
		amina.send(`{"type":"chat_message","content":"` + long + `"}`)
		amina.read()
	}
	if _, history := s.join(2, 0); len(history.Messages) != 20 {
		t.Errorf("%d messages of 20", len(history.Messages))
	}
}

// TestHandshakesOverTheLimitGet503: and the fallback goes on, for those who got it.
func TestHandshakesOverTheLimitGet503(t *testing.T) {
	s := start(t, sqliteFile(t), "--max-connections", "2")
	s.join(0, 0)
	s.join(2, 0)
	handshake := "GET /ws/chat/" + persist.FleetTrip(0).String() + "/?token=" + bearer(t, 0) + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if a := s.raw(handshake, 1)[0]; a.StatusCode != 503 || a.code() != "unavailable" || a.Header.Get("Retry-After") == "" {
		t.Errorf("the third client got %s: %s", a.Status, a.body)
	}
	if a := s.raw("GET "+roomsPath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+bearer(t, 0)+"\r\n\r\n", 1)[0]; a.StatusCode != 200 {
		t.Errorf("a call got %s: %s", a.Status, a.body)
	}
}

func TestWhatIsRefusedBeforeItIsReadIsRefusedInJSON(t *testing.T) {
	s := start(t, sqliteFile(t), "--handshake-timeout", "200ms")
	for code, sent := range map[string]string{
		"invalid_request": "what?\r\n\r\n",
		"too_large":       "GET " + roomsPath + " HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 20_000) + "\r\n\r\n",
		"timeout":         "GET " + roomsPath + " HTTP/1.1\r\nHost:",
		"method_not_allowed": "POST /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	} {
		if a := s.raw(sent, 1)[0]; a.code() != code || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s, %v, %s", code, a.Status, a.Header, a.body)
		}
	}
}

func TestNoHistoryIsSentWhereNoneIsWanted(t *testing.T) {
	s := start(t, sqliteFile(t), "--history", "0")
	s.post(0, persist.FleetTrip(0).String(), "x")
	if _, history := s.join(0, 0); len(history.Messages) != 0 || history.Seq != 1 {
		t.Errorf("history: %+v", history)
	}
}
