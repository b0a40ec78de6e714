package app_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/persist"
)

// TestPagesOfAllowedOriginsMayReadEveryAnswer asks for each answer that the port
// can give, whichever part of the server makes it.
func TestPagesOfAllowedOriginsMayReadEveryAnswer(t *testing.T) {
	s := start(t, sqliteFile(t), "--allowed-origins", "https://*.example.com", "--handshake-timeout", "200ms", "--max-connections", "1")
	s.join(0, 0) // the only WebSocket
	auth := "Authorization: Bearer " + bearer(t, 0) + "\r\n"
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	const post = "Content-Type: application/json\r\n"
	for _, c := range []struct {
		name    string
		line    string // of the request
		header  string
		rest    string // behind the header
		answers []int
	}{
		{"an answer", "GET " + roomsPath, auth, "\r\n", []int{200}},
		{"nobody", "GET " + roomsPath, "", "\r\n", []int{401}},
		{"no such room", "GET " + roomsPath + "x/messages/", auth, "\r\n", []int{404}},
		{"no such call", "GET /api/v1/chat/x", auth, "\r\n", []int{404}},
		{"no such path", "GET /x", auth, "\r\n", []int{404}},
		{"a method", "DELETE " + roomsPath, auth, "\r\n", []int{405}},
		{"a media type", "POST " + messagesPath, auth + "Content-Type: text/plain\r\nContent-Length: 1\r\n", "\r\nx", []int{415}},
		{"a parameter", "GET " + roomsPath + persist.FleetTrip(0).String() + "/messages/?limit=x", auth, "\r\n", []int{400}},
		{"no upgrade asked", "GET /ws/chat/x/", auth, "\r\n", []int{426}},
		{"an announced body", "POST " + messagesPath, auth + post + "Content-Length: 99999999\r\n", "\r\n", []int{413}},
		{"a chunked body", "POST " + messagesPath, auth + post + "Transfer-Encoding: chunked\r\n", "\r\nfffffff\r\n" + strings.Repeat("x", 300_000), []int{413}},
		{"a chunk of nothing", "POST " + messagesPath, auth + post + "Transfer-Encoding: chunked\r\n", "\r\nnothing\r\n", []int{400}},

		{"a header too large", "GET " + roomsPath, auth + "X-Large: " + strings.Repeat("x", 20_000) + "\r\n", "\r\n", []int{431}},
		{"a header that does not end", "GET " + roomsPath, auth, "", []int{408}},
		{"a malformed header", "GET " + roomsPath, "nonsense\r\n", "\r\n", []int{400}},
		{"a malformed method", "G(T " + roomsPath, auth, "\r\n", []int{400}},
		{"a malformed handshake", "POST /ws/chat/x/", upgrade, "\r\n", []int{405}},
		{"a malformed since", "GET /ws/chat/x/?since=x", upgrade, "\r\n", []int{400}},
		{"too many WebSockets", "GET /ws/chat/x/", upgrade, "\r\n", []int{503}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for origin, allowed := range map[string]bool{"https://app.example.com": true, "https://evil.example": false} {
				a := s.raw(c.line+" HTTP/1.1\r\nHost: chat.example\r\nOrigin: "+origin+"\r\n"+c.header+c.rest, 1)[0]
				if a.StatusCode != c.answers[0] && !(a.StatusCode == 403 && !allowed && strings.Contains(c.header, "Upgrade")) {
					t.Errorf("%s: %d %s, want %d", origin, a.StatusCode, a.body, c.answers)
				}
				if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" != allowed || allowed && got != origin {
					t.Errorf("%s: %d with Access-Control-Allow-Origin %q", origin, a.StatusCode, got)
				}
				if a.Header.Get("Vary") != "Origin" {
					t.Errorf("%s: %d with Vary %q", origin, a.StatusCode, a.Header.Get("Vary"))
				}
			}
		})
	}
}

// TestARefusedBodyOfEightMebibytesDoesNotHideWhy: the client writes all of it before
// it reads.
func TestARefusedBodyOfEightMebibytesDoesNotHideWhy(t *testing.T) {
	s := start(t, sqliteFile(t))
	body := strings.Repeat("x", 8<<20)
	for name, sent := range map[string]string{
		"announced": "Content-Length: 8388608\r\n\r\n" + body,
		"chunked":   "Transfer-Encoding: chunked\r\n\r\n800000\r\n" + body + "\r\n0\r\n\r\n",
	} {
		a := s.raw("POST "+messagesPath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+bearer(t, 0)+"\r\nContent-Type: application/json\r\n"+sent, 1)[0]
		if a.StatusCode != 413 || a.code() != "too_large" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}
