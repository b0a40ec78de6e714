package rest_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room/rest"
)

// readConn is a connection of which a request was read already, as netpoll hands it
// over.
type readConn struct {
	net.Conn
	request io.Reader
}

func (c readConn) Read(p []byte) (int, error) { return c.request.Read(p) }

// dial connects to a node; in reads its answers.
func dial(t *testing.T, addr string) (conn net.Conn, in *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Error(err)
	}
}

// TestPagesOfAllowedOriginsMayReadAnswersToWhatIsUnreadable asks for the answers
// that are given without a request that fasthttp has read.
func TestPagesOfAllowedOriginsMayReadAnswersToWhatIsUnreadable(t *testing.T) {
	const origin = "Origin: https://app.example\r\n"
	good := "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n"
	for name, c := range map[string]struct {
		sent   string
		status int
	}{
		"malformed":                        {"GET / HTTP/1.1\r\n" + origin + "nonsense\r\n\r\n", 400},
		"header too large":                 {good + origin + "X: " + strings.Repeat("x", 20_000) + "\r\n\r\n", 431},
		"header too large, second request": {good + "\r\n|" + good + origin + "X: " + strings.Repeat("x", 20_000) + "\r\n\r\n", 431},
		"a broken chunk, second request":   {good + "\r\n|POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nContent-Type: application/json\r\n" + origin + "Transfer-Encoding: chunked\r\n\r\n|x\r\n", 400},
	} {
		n := start(t, newChat(0))
		conn, in := dial(t, n.addr)
		var got *http.Response
		for part := range strings.SplitSeq(c.sent, "|") {
			write(t, conn, part)
			if !strings.HasSuffix(part, "chunked\r\n\r\n") { // to which there is no answer yet
				got = read(t, in)
			}
		}
		if got.StatusCode != c.status || got.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || got.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Header)
		}
	}
	c := newChat(0)
	crowded := start(t, c, func(cfg *rest.Config) { cfg.Limits.Connections = 1 })
	crowded.poll(t, c, "60s")
	await.Until(t, "the poll waits", func() bool { return crowded.Stats().LongPollsNow == 1 })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, in := dial(t, ln.Addr().String())
	second, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	crowded.Hand(readConn{second, strings.NewReader(good + origin + "\r\n")})
	if got := read(t, in); got.StatusCode != 503 || got.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("crowded: %d %v", got.StatusCode, got.Header)
	}
}
