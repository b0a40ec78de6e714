package rest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
)

func TestALongPollEndsWhenItsTimeIsUp(t *testing.T) {
	c := newChat(2)
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages/?since="
	for _, wait := range []string{"50ms", "0", "0s"} {
		if got := n.ask(t, "GET", path+"2&wait="+wait, ""); got.StatusCode != 200 || got.body != `{"results":[],"seq":2,"has_more":false}` {
			t.Errorf("wait=%s: %d %s", wait, got.StatusCode, got.body)
		}
	}
	begun := time.Now()
	if got := n.ask(t, "GET", path+"0&wait=60", ""); !strings.Contains(got.body, `"seq":2,"has_more":false}`) || time.Since(begun) > 5*time.Second {
		t.Errorf("what is there already: %s after %v", got.body, time.Since(begun))
	}
}

func TestALongPollEndsWithTheToken(t *testing.T) {
	c := newChat(0)
	c.authenticate = func(string) (token.Identity, error) {
		return token.Identity{User: c.amina.ID, Expires: time.Now().Add(100 * time.Millisecond)}, nil
	}
	n := start(t, c)
	begun := time.Now()
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=0&wait=30s", ""); got.StatusCode != 200 || time.Since(begun) > 10*time.Second {
		t.Errorf("%d after %v", got.StatusCode, time.Since(begun))
	}
}

func TestALongPollTellsNothingToWhoWasRemovedMeanwhile(t *testing.T) {
	c := newChat(1)
	waited := false
	c.wait = func(context.Context) (room.Page, error) {
		waited = true
		return room.Page{Messages: c.messages, Seq: 1, Stand: 1}, nil
	}
	c.access = func(user, _ uuid.UUID) (room.Access, error) {
		return room.Access{UserKnown: true, User: c.amina, Allowed: !waited, Room: c.place}, nil
	}
	n := start(t, c)
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=0&wait=30s", ""); got.StatusCode != 404 || strings.Contains(got.body, "hello") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// poll sends a long poll on a connection of its own.
func (n *node) poll(t *testing.T, c *chat, wait string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET /api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=99&wait="+wait+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestALongPollEndsWhenTheClientLeaves(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "60s")
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	_ = conn.Close()
	await.Until(t, "the poll is over", func() bool { return n.Stats().LongPollsNow == 0 && n.Stats().ConnectionsNow == 0 })
}

func TestARequestSentDuringALongPollIsAnsweredAfterIt(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "300ms")
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	if _, err := io.WriteString(conn, "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for i, want := range []string{`"results":[]`, `"title":"Lisbon"`} {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("answer %d: %s, %v; want %s in it", i, body, err, want)
		}
	}
}

func TestDrainAnswersLongPollsAndClosesConnections(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn := n.poll(t, c, "60s")
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 || !res.Close {
		t.Fatalf("the poll got %v, %v", res, err)
	}
	late, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	res, err = http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Fatalf("a late connection got %v, %v", res, err)
	}
}

func TestWhatIsOverTheLimitsIsTurnedAway(t *testing.T) {
	c := newChat(0)
	n := start(t, c, func(cfg *rest.Config) { cfg.Limits.LongPolls = 1 })
	n.poll(t, c, "60s")
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	read := func(conn net.Conn) answer {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{res, string(body)}
	}
	second := n.poll(t, c, "60s")
	if got := read(second); got.StatusCode != 503 || got.code() != "unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("a second poll got %d %s", got.StatusCode, got.body)
	}
	third := n.poll(t, c, "60s") // refused too, but its connection stays
	if got := read(third); got.StatusCode != 503 {
		t.Errorf("a third poll got %d %s", got.StatusCode, got.body)
	}
	if got := n.Stats(); got.Crowded[rest.CrowdedLongPolls] != 2 || got.ConnectionsNow != 3 {
		t.Errorf("%+v", got)
	}
}

func TestTheRestOfARefusedBodyDoesNotDestroyTheAnswer(t *testing.T) {
	n := start(t, newChat(0))
	for range 20 {
		if got := n.ask(t, "POST", "/api/v1/chat/messages/", strings.Repeat("x", 300_000)); got.StatusCode != 413 {
			t.Fatalf("got %d", got.StatusCode)
		}
	}
}

// TestSendAwayAnswersEverythingForTheLastTime: whoever asks is answered, also on a new
// connection, and told to come back on another one; polls that wait are answered at once.
func TestSendAwayAnswersEverythingForTheLastTime(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	poll := n.poll(t, c, "60s")
	kept, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	asks := func(conn net.Conn) *http.Response {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return readAnswer(t, conn)
	}
	if res := asks(kept); res.StatusCode != 200 || res.Close {
		t.Fatalf("before: %v, close %v", res.Status, res.Close)
	}
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	n.SendAway()
	fresh, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	for name, res := range map[string]*http.Response{"the poll": readAnswer(t, poll), "kept": asks(kept), "new": asks(fresh)} {
		if res.StatusCode != 200 || !res.Close {
			t.Errorf("%s: %s, close %v", name, res.Status, res.Close)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Error(err)
	}
}

func readAnswer(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}
