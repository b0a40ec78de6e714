package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// TestQuotasHold sets both quotas by their flags. What is over one is refused alone, over
// WebSocket and REST, and says which; nobody else notices.
func TestQuotasHold(t *testing.T) {
	t.Parallel()
	const roomBytes, perDay = 100, 4
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--room-bytes", strconv.Itoa(roomBytes), "--user-messages-per-day", strconv.Itoa(perDay))
		const full, many = "This room is full", "You have sent as many messages as a day may have"
		content := func(bytes int) string { return strings.Repeat("x", bytes) }

		// The room of trip 0: 90 bytes of user 0, by REST.
		id := n.say(t, 0, "first", content(90))
		two := n.dial(t, 2, false)
		refused(t, two, content(11), full)
		told(t, two, content(10))
		n.refusedREST(t, 2, "POST", "messages/", sending(2, content(1)), full, func(wait int) bool { return wait == 3600 })
		n.refusedREST(t, 0, "PATCH", "messages/"+id+"/", `{"content":"`+content(91)+`"}`, full, func(wait int) bool { return wait == 3600 })
		editing := func(bytes int) string {
			return fmt.Sprintf(`{"type":"edit_message","message_id":%q,"client_id":"c","content":%q}`, id, content(bytes))
		}
		zero := n.dial(t, 0, false)
		if f := answerTo(t, zero, editing(91)); !strings.Contains(f, full) {
			t.Errorf("an edit that grows: %s", f)
		}
		if f := answerTo(t, zero, editing(50)); !strings.Contains(f, "message_edited") {
			t.Errorf("an edit that shrinks: %s", f)
		}
		told(t, zero, content(40))
		refused(t, zero, "x", full)

		// The room of trip 1 has room. User 1 sends two by WebSocket and two by REST.
		one := n.dial(t, 1, false)
		told(t, one, "a")
		told(t, one, "b")
		n.say(t, 1, "c", "c")
		n.say(t, 1, "d", "d")
		refused(t, n.dial(t, 1, false), "e", many)
		untilMidnight := func(wait int) bool { return wait >= 1 && wait <= 24*3600 }
		n.refusedREST(t, 1, "POST", "messages/", sending(1, "f"), many, untilMidnight)
		if status, answer := n.call(1, "POST", "/api/v1/chat/messages/", sending(1, "again", "c")); status != http.StatusOK {
			t.Errorf("a message that is stored already: %d %s", status, answer)
		}
		told(t, n.dial(t, 3, false), "another user")

		for quota, want := range map[string]float64{"room-bytes": 5, "user-messages-per-day": 2} {
			if got := n.metric(`caravan_quota_refusals_total{quota="` + quota + `"}`); got != want {
				t.Errorf("%v refusals because of --%s are counted, want %v", got, quota, want)
			}
		}
		if got := n.metric(`caravan_refusals_total{code="quota"}`); got != 7 {
			t.Errorf("%v refusals of that code are counted", got)
		}
		await.Until(t, "the log says so", func() bool { return strings.Contains(n.logged(), "a quota is used up") })
	})
}

// sending is the body of a POST that sends a message of user i, perhaps with a client_id.
func sending(i int, content string, clientID ...string) string {
	id := ""
	if len(clientID) > 0 {
		id = `,"client_id":"` + clientID[0] + `"`
	}
	return fmt.Sprintf(`{"chat_room":%q,"content":%q%s}`, persist.FleetTrip(i%hostileTrips), content, id)
}

// answerTo sends a frame and returns the next one that is no notice.
func answerTo(t *testing.T, conn net.Conn, frame string) string {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	if err := wsutil.WriteClientText(conn, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	answer, err := wsutil.ReadServerText(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// told sends a message, which everybody is told, the sender as well.
func told(t *testing.T, conn net.Conn, content string) {
	t.Helper()
	if f := answerTo(t, conn, `{"type":"chat_message","content":"`+content+`"}`); !strings.Contains(f, `"`+content+`"`) {
		t.Errorf("%q: %s", content, f)
	}
}

// refused sends a message that is over a quota.
func refused(t *testing.T, conn net.Conn, content, text string) {
	t.Helper()
	f := answerTo(t, conn, `{"type":"chat_message","client_id":"over","content":"`+content+`"}`)
	if want := `{"type":"error","message":"` + text + `","code":"quota","client_id":"over"}`; f != want {
		t.Errorf("%q: %s, want %s", content, f, want)
	}
}

// refusedREST makes a call of user i that is over a quota.
func (n *hostileNode) refusedREST(t *testing.T, i int, method, path, body, text string, wait func(seconds int) bool) {
	t.Helper()
	res, answer := n.ask(i, method, "/api/v1/chat/"+path, body)
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if want := `{"detail":"` + text + `","code":"quota"}`; res.StatusCode != http.StatusTooManyRequests || answer != want || err != nil || !wait(seconds) {
		t.Errorf("%s: %d %s, Retry-After %q", body, res.StatusCode, answer, res.Header.Get("Retry-After"))
	}
}
