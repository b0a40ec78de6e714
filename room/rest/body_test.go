package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room/rest"
)

func postHead(bearer, fields string) string {
	return "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + bearer + "\r\n" + fields + "\r\n"
}

const jsonFields = "Content-Type: application/json\r\n"

// TestWhoIsRefusedSendsNoBody: what can be said without the body is said before it, and
// nothing of it is kept.
func TestWhoIsRefusedSendsNoBody(t *testing.T) {
	n := start(t, newChat(0))
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"nobody":             {postHead("nonsense", jsonFields+"Content-Length: 4000\r\n"), 401},
		"nobody, in chunks":  {postHead("nonsense", jsonFields+"Transfer-Encoding: chunked\r\n"), 401},
		"nobody, waits":      {postHead("nonsense", jsonFields+"Content-Length: 4000\r\nExpect: 100-continue\r\n"), 401},
		"no token":           {"POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", 401},
		"too long":           {postHead("amina", jsonFields+"Content-Length: 4097\r\n"), 413},
		"much too long":      {postHead("amina", jsonFields+"Content-Length: 999999999999999999\r\n"), 413},
		"too long, waits":    {postHead("amina", jsonFields+"Content-Length: 4097\r\nExpect: 100-continue\r\n"), 413},
		"another media type": {postHead("amina", "Content-Type: text/plain\r\nContent-Length: 4000\r\n"), 415},
		"another method":     {"DELETE /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", 405},
		"another path":       {"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", 404},
	} {
		for _, before := range []string{"", goodGet} {
			conn, in := dial(t, n.addr)
			write(t, conn, before+c.head)
			if before != "" {
				read(t, in)
			}
			if got := read(t, in); got.StatusCode != c.status || !got.Close {
				t.Errorf("%s: %s, close %v; want %d", name, got.Status, got.Close, c.status)
			}
			if bytes := n.Stats().BodyBytesNow; bytes != 0 {
				t.Errorf("%s: %d bytes are kept", name, bytes)
			}
			_ = conn.Close()
		}
	}
}

// A body whose bytes came with the head costs no wait: the connection goes on after a
// refusal that did not want it.
func TestAShortBodyIsPassedOver(t *testing.T) {
	n := start(t, newChat(0))
	conn, in := dial(t, n.addr)
	write(t, conn, postHead("nonsense", jsonFields+"Content-Length: 13\r\n")+"GET / HTTP/1."+goodGet)
	for i, want := range []int{401, 200} {
		if got := read(t, in); got.StatusCode != want {
			t.Errorf("answer %d: %s, want %d", i, got.Status, want)
		}
	}
}

func TestWhoMaySendIsToldToContinue(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	conn, in := dial(t, n.addr)
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	write(t, conn, postHead("amina", fmt.Sprintf("%sContent-Length: %d\r\nExpect: 100-continue\r\n", jsonFields, len(body))))
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	write(t, conn, body)
	if got := read(t, in); got.StatusCode != 201 || got.Close {
		t.Error(got.Status)
	}
}

// TestABodysMemoryGrowsWithWhatComes: the length that was announced costs nothing.
func TestABodysMemoryGrowsWithWhatComes(t *testing.T) {
	n := start(t, newChat(0), func(cfg *rest.Config) { cfg.Limits.BodyBytes = 1 << 20 })
	var conns []net.Conn
	for range 8 {
		conn, _ := dial(t, n.addr)
		write(t, conn, postHead("amina", jsonFields+"Content-Length: 1000000\r\n"))
		write(t, conn, strings.Repeat(" ", 1000))
		conns = append(conns, conn)
	}
	await.Until(t, "the bytes have come", func() bool { return n.Stats().BodyBytesNow >= 8*1000 })
	if bytes := n.Stats().BodyBytesNow; bytes > 8*2048 {
		t.Errorf("%d bytes for 8 bodies of which 1000 bytes have come", bytes)
	}
	if n.Stats().RequestsNow != 0 {
		t.Errorf("%d of those who send slowly have a place at work", n.Stats().RequestsNow)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	await.Until(t, "nothing is kept", func() bool { return n.Stats().BodyBytesNow == 0 })
}

func TestBodiesInChunks(t *testing.T) {
	c := newChat(0)
	n := start(t, c)
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	for name, a := range map[string]struct {
		chunks string
		status int
		goesOn bool
	}{
		"one":                      {chunk(body) + "0\r\n\r\n", 201, true},
		"two":                      {chunk(body[:9]) + chunk(body[9:]) + "0\r\n\r\n", 201, true},
		"upper case, zeros":        {strings.ToUpper(fmt.Sprintf("000%x", len(body))) + "\r\n" + body + "\r\n0000\r\n\r\n", 201, true},
		"an extension":             {strings.Replace(chunk(body), "\r", ";a=b;c=\"d\"\r", 1) + "0;e\r\n\r\n", 201, true},
		"a trailer":                {chunk(body) + "0\r\nX-Sum: 1\r\nY:\r\n\r\n", 201, true},
		"none":                     {"0\r\n\r\n", 400, true},
		"LF after the size":        {strings.Replace(chunk(body), "\r\n", "\n", 1) + "0\r\n\r\n", 400, false},
		"LF after the content":     {strings.TrimSuffix(chunk(body), "\r\n") + "\n0\r\n\r\n", 400, false},
		"LF at the end":            {chunk(body) + "0\r\n\n", 400, false},
		"a size that is too small": {"1\r\n" + body + "\r\n0\r\n\r\n", 400, false},
		"no size":                  {"\r\n" + body + "\r\n0\r\n\r\n", 400, false},
		"0x":                       {"0x9\r\n" + body + "\r\n0\r\n\r\n", 400, false},
		"a sign":                   {"+9\r\n" + body + "\r\n0\r\n\r\n", 400, false},
		"a space before the size":  {" " + chunk(body) + "0\r\n\r\n", 400, false},
		"a space behind the size":  {strings.Replace(chunk(body), "\r", " \r", 1) + "0\r\n\r\n", 400, false},
		"CR in an extension":       {strings.Replace(chunk(body), "\r", ";a\rb\r", 1) + "0\r\n\r\n", 400, false},
		"NUL in an extension":      {strings.Replace(chunk(body), "\r", ";\x00\r", 1) + "0\r\n\r\n", 400, false},
		"a long extension":         {strings.Replace(chunk(body), "\r", ";"+strings.Repeat("a", 300)+"\r", 1) + "0\r\n\r\n", 400, false},
		"many extensions":          {strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\n \r\n", 100), 400, false},
		"a trailer without colon":  {chunk(body) + "0\r\nX\r\n\r\n", 400, false},
		"a folded trailer":         {chunk(body) + "0\r\nX: a\r\n b\r\n\r\n", 400, false},
		"a huge trailer":           {chunk(body) + "0\r\nX: " + strings.Repeat("a", 20_000) + "\r\n\r\n", 400, false},
		"too large":                {"1001\r\n", 413, false},
		"too large together":       {chunk(strings.Repeat(" ", 4000)) + chunk(strings.Repeat(" ", 100)), 413, false},
		"a size beyond all":        {"fffffffffffffffff\r\n", 413, false},
	} {
		conn, in := dial(t, n.addr)
		write(t, conn, postHead("amina", jsonFields+"Transfer-Encoding: chunked\r\n"))
		write(t, conn, a.chunks)
		if got := read(t, in); got.StatusCode != a.status || got.Close == a.goesOn {
			t.Errorf("%s: %s, close %v; want %d", name, got.Status, got.Close, a.status)
		}
		if a.goesOn {
			write(t, conn, goodGet)
			if got := read(t, in); got.StatusCode != 200 {
				t.Errorf("%s: %s after it", name, got.Status)
			}
		}
		_ = conn.Close()
	}
	await.Until(t, "nothing is kept", func() bool { return n.Stats().BodyBytesNow == 0 })
}

// TestASlowUserKeepsNobodyOut: one user's bodies that never end take a share of the
// places, which is bounded, and none of those at work.
func TestASlowUserKeepsNobodyOut(t *testing.T) {
	c := newChat(1)
	n := start(t, c, func(cfg *rest.Config) { cfg.Limits.Requests, cfg.Limits.RequestsPerUser = 4, 4 })
	asked := atomic.Int64{}
	c.authenticate = func(bearer string) (token.Identity, error) {
		asked.Add(1)
		return (&chat{amina: c.amina, jonas: c.jonas}).Authenticate(t.Context(), bearer)
	}
	var slow []*bufio.Reader
	for range 4 {
		conn, in := dial(t, n.addr)
		write(t, conn, postHead("amina", jsonFields+"Content-Length: 1000\r\n")+" ")
		slow = append(slow, in)
	}
	await.Until(t, "they are known", func() bool { return asked.Load() == 4 && n.Stats().BodyBytesNow > 0 && n.Stats().RequestsNow == 0 })
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); got.StatusCode != 429 || got.Header.Get("Retry-After") == "" || got.code() != "rate_limited" {
		t.Errorf("one more of the user: %d %s", got.StatusCode, got.body)
	}
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/", "", "Authorization", "Bearer jonas"); got.StatusCode != 200 {
		t.Errorf("another user: %d %s", got.StatusCode, got.body)
	}
	if crowded := n.Stats().Crowded; crowded[rest.CrowdedUser] != 1 {
		t.Errorf("%v", crowded)
	}
	for _, in := range slow {
		if in.Buffered() > 0 {
			t.Error("a slow one was answered")
		}
	}
}

func TestAUsersLongPollsAreBounded(t *testing.T) {
	c := newChat(0)
	n := start(t, c, func(cfg *rest.Config) { cfg.Limits.LongPolls, cfg.Limits.LongPollsPerUser = 8, 2 })
	n.poll(t, c, "60s")
	n.poll(t, c, "60s")
	await.Until(t, "they wait", func() bool { return n.Stats().LongPollsNow == 2 })
	third := n.poll(t, c, "60s")
	if got := read(t, bufio.NewReader(third)); got.StatusCode != 429 || got.Header.Get("Retry-After") == "" {
		t.Error(got.Status)
	}
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages/?since=99&wait=10ms"
	if got := n.ask(t, "GET", path, "", "Authorization", "Bearer jonas"); got.StatusCode != 200 {
		t.Errorf("another user: %d", got.StatusCode)
	}
	if got := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); got.StatusCode != 200 {
		t.Errorf("what is no poll: %d", got.StatusCode)
	}
}

// The user's own requests one after another are never counted together.
func TestPipelinedRequestsAreCountedOneByOne(t *testing.T) {
	n := start(t, newChat(1), func(cfg *rest.Config) { cfg.Limits.RequestsPerUser = 1 })
	conn, in := dial(t, n.addr)
	go func() { _, _ = io.WriteString(conn, strings.Repeat(goodGet, 50)) }()
	for i := range 50 {
		if got := read(t, in); got.StatusCode != 200 {
			t.Fatalf("answer %d: %s", i, got.Status)
		}
	}
}
