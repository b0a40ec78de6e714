package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

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
		c.page = func() (room.Page, error) { return room.Page{}, trouble.err }
		got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/", "", "Authorization", "Bearer amina")
		if got.StatusCode != trouble.status || !strings.Contains(got.body, trouble.text) || got.Header.Get("Retry-After") == "" {
			t.Errorf("%v: %d %s, Retry-After %s", trouble.err, got.StatusCode, got.body, got.Header.Get("Retry-After"))
		}
	}
}
