package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room"
)

// TestWhoReadsTooMuchIsToldWhenToComeBack: calls that write are counted elsewhere.
func TestWhoReadsTooMuchIsToldWhenToComeBack(t *testing.T) {
	c := newChat(1)
	c.readWait = 1500 * time.Millisecond
	n := start(t, c)
	room := c.place.ID.String()
	for _, path := range []string{"rooms/", "rooms/" + room + "/messages/", "rooms/" + room + "/messages/?since=0&wait=30s", "messages/" + c.messages[0].ID.String() + "/"} {
		got := n.ask(t, "GET", "/api/v1/chat/"+path, "", "Authorization", "Bearer amina")
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "2" || !strings.Contains(got.body, `"code":"rate_limited"`) {
			t.Errorf("%s: %d %s, Retry-After %s", path, got.StatusCode, got.body, got.Header.Get("Retry-After"))
		}
	}
	body := `{"chat_room":"` + room + `","content":"x"}`
	if got := n.ask(t, "POST", "/api/v1/chat/messages/", body, "Authorization", "Bearer amina"); got.StatusCode != http.StatusCreated {
		t.Errorf("a write: %d %s", got.StatusCode, got.body)
	}
}

func TestABusyDatabaseIsSaidToBeBusy(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	for _, trouble := range []struct {
		err    error
		status int
		text   string
	}{
		{fmt.Errorf("a page: %w", room.ErrBusy), http.StatusServiceUnavailable, "The server is busy; please try again"},
		{room.ErrUnavailable, http.StatusServiceUnavailable, "The server cannot answer now; please try again"},
		{room.ErrRateLimited, http.StatusTooManyRequests, "Too many requests; slow down"},
	} {
		c.page = func(context.Context) (room.Page, error) { return room.Page{}, trouble.err }
		got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/", "", "Authorization", "Bearer amina")
		if got.StatusCode != trouble.status || !strings.Contains(got.body, trouble.text) || got.Header.Get("Retry-After") == "" {
			t.Errorf("%v: %d %s, Retry-After %s", trouble.err, got.StatusCode, got.body, got.Header.Get("Retry-After"))
		}
	}
}

// askAlone sends a request on a connection of its own.
func (n *node) askAlone(t *testing.T, path string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /api/v1/chat/"+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// TestAReadIsGivenUpWhenItsClientLeaves closes the connection of a read that waits.
func TestAReadIsGivenUpWhenItsClientLeaves(t *testing.T) {
	for _, path := range []string{"rooms/ROOM/messages/", "rooms/ROOM/reads/", "rooms/ROOM/members/", "messages/MESSAGE/readers/", "messages/MESSAGE/replies/"} {
		t.Run(path, func(t *testing.T) {
			c := newChat(1)
			waits, ended := make(chan struct{}), make(chan struct{})
			c.whoRead = func(ctx context.Context) error {
				close(waits)
				<-ctx.Done()
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					t.Error("it is given up when its time is up, and not before")
				}
				close(ended)
				return context.Cause(ctx)
			}
			c.page = func(ctx context.Context) (room.Page, error) { return room.Page{}, c.whoRead(ctx) }
			n := start(t, c)
			conn := n.askAlone(t, strings.NewReplacer("ROOM", c.place.ID.String(), "MESSAGE", c.messages[0].ID.String()).Replace(path))
			await.Done(t, "the read waits", waits)
			_ = conn.Close()
			await.Done(t, "the read is given up", ended)
			await.Until(t, "the connection is gone", func() bool { return n.Stats().ConnectionsNow == 0 })
		})
	}
}

// TestWhoSendsNoMoreMayStillListen ends the sending half of a connection only.
func TestWhoSendsNoMoreMayStillListen(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	conn := n.askAlone(t, "rooms/"+c.place.ID.String()+"/messages/")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(await.Limit)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		t.Errorf("got %q, %v", text, err)
	}
}
