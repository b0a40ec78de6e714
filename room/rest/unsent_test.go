package rest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/unsent"
)

// largeBytes is an answer that no kernel's buffers take whole.
const largeBytes = 24 << 20

// largePages has every page be large.
func largePages(c *chat) {
	large := []byte(`"` + strings.Repeat("x", largeBytes) + `"`)
	c.page = func(context.Context) (room.Page, error) {
		return room.Page{Messages: c.messages[:1], Bodies: [][]byte{large}, Seq: 1, Stand: 1}, nil
	}
}

// request sends a request of amina's on a connection of its own, and reads nothing.
func (n *node) request(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	return conn
}

// What a client has not read counts against the limit until it reads it or leaves, and
// over the limit there are no further reads; writes go on.
func TestAnswersCountUntilTheyAreSent(t *testing.T) {
	c := newChat(1)
	largePages(c)
	limit := unsent.New(16 << 20)
	n := start(t, c, func(cfg *rest.Config) { cfg.Unsent, cfg.Limits.AnswerBytes = limit, 1<<20 })
	room := "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages/"
	reads := func(conn net.Conn) {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []struct {
		name, path string
		by         func(net.Conn)
	}{
		{"the client reads", room, reads},
		{"the client leaves", room, func(conn net.Conn) { _ = conn.Close() }},
		{"a long poll, read", room + "?since=0&wait=10s", reads},
		{"and left", room + "?since=0&wait=10s", func(conn net.Conn) { _ = conn.Close() }},
	} {
		conn := n.request(t, end.path)
		await.Until(t, end.name+": the answer is made", func() bool { return limit.Stats().BytesNow >= largeBytes })
		for _, path := range []string{room, room + "?since=0", room + "?since=0&wait=1s", "/api/v1/chat/rooms/", "/api/v1/chat/messages/" + c.messages[0].ID.String()} {
			a := n.ask(t, "GET", path, "", "Authorization", "Bearer jonas")
			if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.code() != "unavailable" {
				t.Errorf("%s: GET %s beside it: %s %v %.100s", end.name, path, a.Status, a.Header, a.body)
			}
		}
		if a := n.ask(t, "POST", "/api/v1/chat/messages/", `{"chat_room":"`+c.place.ID.String()+`","content":"x"}`); a.StatusCode != http.StatusCreated {
			t.Errorf("%s: a message beside it: %s %s", end.name, a.Status, a.body)
		}
		end.by(conn)
		await.Until(t, end.name+": nothing is unsent", func() bool { return limit.Stats().BytesNow == 0 })
		if a := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); a.StatusCode != http.StatusOK {
			t.Errorf("%s: a read after it: %s %s", end.name, a.Status, a.body)
		}
	}
}

// A user whose answers fill their part is refused further reads, and nobody else is; a
// long poll that waits fills nothing.
func TestAUserWhoDoesNotReadIsRefusedAlone(t *testing.T) {
	c := newChat(1)
	limit := unsent.New(64 << 20)
	n := start(t, c, func(cfg *rest.Config) { cfg.Unsent, cfg.Limits.AnswerBytes = limit, 60<<20 })
	n.poll(t, c, "60s")
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 && limit.Stats().BytesNow == 0 })
	limit.AddTo(c.amina.ID, 8<<20)
	defer limit.AddTo(c.amina.ID, -8<<20)
	if a := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("amina: %s", a.Status)
	}
	if a := n.ask(t, "GET", "/api/v1/chat/rooms/", "", "Authorization", "Bearer jonas"); a.StatusCode != http.StatusOK {
		t.Errorf("jonas: %s", a.Status)
	}
}

// Requests that come before the answers to others are read do not lose their count.
func TestPipelinedAnswersAreCounted(t *testing.T) {
	c := newChat(1)
	limit := unsent.New(1 << 40)
	n := start(t, c, func(cfg *rest.Config) { cfg.Unsent = limit })
	conn := n.request(t, "/api/v1/chat/rooms/")
	for range 20 {
		if _, err := io.WriteString(conn, "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "all are answered", func() bool { return n.seen.count("rooms", http.StatusOK) == 21 })
	await.Until(t, "nothing is unsent", func() bool { return limit.Stats().BytesNow == 0 })
}
