package rest_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

const goodGet = "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"

// oddRequests are heads that may mean one thing to a proxy and another to a server.
var oddRequests = []struct {
	name, head string
	status     int
}{
	{"obs-fold", "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400},
	{"obs-fold with a tab", "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n\r\n", 400},
	{"LF alone", "GET / HTTP/1.1\nHost: x\n\n", 400},
	{"LF in the last line", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400},
	{"LF after a field", "GET / HTTP/1.1\r\nHost: x\nX: a\r\n\r\n", 400},
	{"CR alone in a value", "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400},
	{"space in a name", "GET / HTTP/1.1\r\nHost: x\r\nFoo bar: x\r\n\r\n", 400},
	{"space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400},
	{"no name", "GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", 400},
	{"HTTP/9.9", "GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505},
	{"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\n", 505},
	{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400},
	{"http/1.1", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
	{"no version", "GET /\r\nHost: x\r\n\r\n", 400},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	{"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400},
	{"a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
	{"a target without a slash", "GET api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	{"a fragment", "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	{"another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	{"CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 400},
	{"two tokens", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nAuthorization: Bearer jonas\r\n\r\n", 400},
	{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
	{"one length twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
	{"a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}", 400},
	{"a signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}", 400},
	{"a length of no body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
	{"a length and chunks", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"chunked twice", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
	{"xchunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
	{"chunked, identity", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
	{"chunked behind a tab", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400},
	{"chunks of HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"another expectation", "POST / HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nContent-Length: 2\r\n\r\n{}", 417},
	{"half an upgrade", "GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 426},
	{"a large field", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n", 431},
	{"many fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a:\r\n", 5_000) + "\r\n", 431},
}

// TestOddRequestsAreRefusedWhereverTheyStand: the answer is the same for the first
// request of a connection, for a later one, and for one behind another in a segment.
// Then the connection ends: nobody knows where the next request would begin, and what
// hides behind the odd one is not answered.
func TestOddRequestsAreRefusedWhereverTheyStand(t *testing.T) {
	n := start(t, newChat(1))
	for _, odd := range oddRequests {
		for place, before := range map[string][]string{"first": {}, "second": {goodGet}, "fifth": {goodGet, goodGet, goodGet, goodGet}} {
			conn, in := dial(t, n.addr)
			for _, b := range before {
				write(t, conn, b)
				if got := read(t, in); got.StatusCode != 200 {
					t.Fatal(got.Status)
				}
			}
			n.refuses(t, conn, in, odd.name+", "+place, odd.head+goodGet, odd.status)
		}
		conn, in := dial(t, n.addr)
		write(t, conn, goodGet+odd.head+goodGet)
		if got := read(t, in); got.StatusCode != 200 {
			t.Fatal(got.Status)
		}
		n.refuses(t, conn, in, odd.name+", in the segment of another", "", odd.status)
	}
}

// refuses sends what must be answered with a status, and nothing after it.
func (n *node) refuses(t *testing.T, conn io.Writer, in *bufio.Reader, name, sent string, status int) {
	t.Helper()
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != status || err != nil || res.Header.Get("Content-Type") != "application/json" || !res.Close {
		t.Errorf("%s: %d %s, close %v, %v; want %d", name, res.StatusCode, body, res.Close, err, status)
	}
	if more, err := in.ReadByte(); err != io.EOF {
		t.Errorf("%s: after the refusal came %q, %v", name, more, err)
	}
}

// What is unusual and clear is answered, and the connection goes on.
func TestUnusualRequestsAreAnswered(t *testing.T) {
	n := start(t, newChat(1))
	auth := "Authorization: Bearer amina\r\n"
	for name, head := range map[string]string{
		"one empty line before":   "\r\n" + goodGet,
		"absolute form":           "GET http://x/api/v1/chat/rooms/ HTTP/1.1\r\nHost: y\r\n" + auth + "\r\n",
		"HTTP/1.0 with keeping":   "GET /api/v1/chat/rooms/ HTTP/1.0\r\nConnection: keep-alive\r\n" + auth + "\r\n",
		"HTTP/1.2":                "GET /api/v1/chat/rooms/ HTTP/1.2\r\nHost: x\r\n" + auth + "\r\n",
		"a body that nobody asks": "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 2\r\n\r\n{}",
		"space around a value":    "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost:x \t\r\n" + auth + "\r\n",
	} {
		for _, before := range []string{"", goodGet} {
			conn, in := dial(t, n.addr)
			write(t, conn, before+head+goodGet)
			for range strings.Count(before, "GET") + 2 {
				if got := read(t, in); got.StatusCode != 200 {
					t.Errorf("%s: %s", name, got.Status)
				}
			}
			_ = conn.Close()
		}
	}
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"lower-case method": {strings.Replace(goodGet, "GET", "get", 1), 405},
		"OPTIONS *":         {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		"no such path":      {"GET /x HTTP/1.1\r\nHost: x\r\n\r\n", 404},
	} {
		conn, in := dial(t, n.addr)
		write(t, conn, goodGet+c.head+goodGet)
		for i, want := range []int{200, c.status, 200} {
			if got := read(t, in); got.StatusCode != want {
				t.Errorf("%s: answer %d is %s, want %d", name, i, got.Status, want)
			}
		}
	}
	conn, in := dial(t, n.addr)
	write(t, conn, "GET /api/v1/chat/rooms/ HTTP/1.0\r\n"+auth+"\r\n"+goodGet)
	if got := read(t, in); got.StatusCode != 200 || !got.Close {
		t.Errorf("HTTP/1.0: %s, close %v", got.Status, got.Close)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("HTTP/1.0 goes on: %v", err)
	}
}

// A head may come cut in any way, also behind another request.
func TestHeadsMayComeInAnyPieces(t *testing.T) {
	n := start(t, newChat(1))
	post := "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nContent-Type: application/json\r\n"
	all := goodGet + post + "Content-Length: 2\r\n\r\n{}" + post + "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n" + goodGet
	for _, piece := range []int{1, 2, 3, 7, 64, 100} {
		conn, in := dial(t, n.addr)
		go func() {
			for rest := all; rest != ""; {
				cut := min(piece, len(rest))
				if _, err := io.WriteString(conn, rest[:cut]); err != nil {
					return
				}
				rest = rest[cut:]
				time.Sleep(20 * time.Microsecond)
			}
		}()
		for i, want := range []int{200, 400, 400, 200} {
			if got := read(t, in); got.StatusCode != want {
				t.Fatalf("in pieces of %d: answer %d is %s, want %d", piece, i, got.Status, want)
			}
		}
	}
	await.Until(t, "no bytes of bodies are left", func() bool { return n.Stats().BodyBytesNow == 0 })
}
