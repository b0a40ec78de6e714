package app_test

import (
	"bufio"
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

// A proxy that keeps its connections sends REST calls and upgrades over the same
// ones.
func TestAWebSocketOnAConnectionThatCarriedREST(t *testing.T) {
	s := start(t, sqliteFile(t))
	auth := "Host: chat.example\r\nAuthorization: Bearer " + bearer(t, 0) + "\r\n"
	get := "GET " + roomsPath + " HTTP/1.1\r\n" + auth + "\r\n"
	poll := "GET /api/v1/chat/rooms/" + persist.FleetTrip(0).String() + "/messages/?since=0&wait=10ms HTTP/1.1\r\n" + auth + "\r\n"
	upgrade := func(trip string) string {
		return "GET /ws/chat/" + trip + "/ HTTP/1.1\r\n" + auth + "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	}
	begin := func(t *testing.T, sent string, statuses ...int) *member {
		t.Helper()
		conn, err := net.Dial("tcp", s.app.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		for i, want := range statuses {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("answer %d: %v", i, err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != want {
				t.Fatalf("answer %d: %v %s, %v; want %d", i, res.Status, body, err, want)
			}
		}
		return &member{t, earlyConn{conn, in}}
	}
	trip := persist.FleetTrip(0).String()
	other, _ := s.join(2, 0)

	for i, before := range []struct {
		sent     string
		statuses []int
	}{
		{"", nil},
		{get, []int{200}},
		{get + poll + get, []int{200, 200, 200}},
		{"GET /ws/chat/" + trip + "/ HTTP/1.1\r\n" + auth + "\r\n", []int{426}},
		{"GET /nowhere HTTP/1.1\r\n" + auth + "\r\n", []int{404}},
	} {
		text := fmt.Sprint("text ", i)
		early := string(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"type":"chat_message","content":"` + text + `"}`)))))
		m := begin(t, before.sent+upgrade(trip)+early, append(before.statuses, 101)...)
		if f := m.read(); f.Type != "message_history" || f.Seq != int64(2*i) {
			t.Fatalf("%+v", f)
		}
		if f := m.read(); f.Message.Content != text {
			t.Fatalf("%+v", f)
		}
		m.send(`{"type":"chat_message","content":"another"}`)
		if f := m.read(); f.Message.Content != "another" {
			t.Fatalf("%+v", f)
		}
		if a, b := other.read(), other.read(); a.Message.Content != text || b.Message.Content != "another" {
			t.Fatalf("%+v %+v", a, b)
		}
	}

	for _, refused := range []struct {
		request string
		status  int
	}{
		{strings.Replace(upgrade(trip), "/ws/", "/other/", 1), 404},
		{strings.Replace(upgrade(trip), "Connection:", "Origin: https://evil.example\r\nConnection:", 1), 403},
		{strings.Replace(upgrade(trip), "/ HTTP", "/?since=x HTTP", 1), 400},
		{strings.Replace(upgrade(trip), "Host", "X: 1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost", 1), 400},
		{strings.Replace(upgrade(trip), "GET", "POST", 1), 405},
	} {
		m := begin(t, get+refused.request, 200, refused.status)
		if n, err := m.conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after %d: %d, %v", refused.status, n, err)
		}
	}
	m := begin(t, get+upgrade("nowhere"), 200, 101)
	if _, code := m.next(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
}
