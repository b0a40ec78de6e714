package admin

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestAConnectionHasOneAnswer sends requests that two parsers may read in two ways, each
// with another one hidden in it or behind it, as whoever stands behind a proxy may that
// lets one path through. No second one is answered, whatever the first one is taken for.
func TestAConnectionHasOneAnswer(t *testing.T) {
	s := listen(t, "127.0.0.1:0", true)
	const hidden = "GET /debug/pprof/symbol HTTP/1.1\r\nHost: own.example\r\n\r\n"
	const first = "GET /healthz HTTP/1.1\r\nHost: own.example\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(hidden))
	for name, sent := range map[string]string{
		"two requests":                     first + "\r\n" + hidden,
		"asks to stay":                     first + "Connection: keep-alive\r\n\r\n" + hidden,
		"HTTP/1.0 that asks to stay":       "GET /healthz HTTP/1.0\r\nHost: own.example\r\nConnection: keep-alive\r\n\r\n" + hidden,
		"a length and chunks":              first + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks, and a length behind":      first + "Transfer-Encoding: chunked\r\nContent-Length: 999\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":                      first + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + hidden,
		"two lengths alike":                first + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a length that is too short":       first + "Content-Length: 1\r\n\r\nx" + hidden,
		"an odd coding":                    first + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"a coding with a space":            first + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a line that is folded":            first + "X: a\r\n Content-Length: 5\r\n\r\n" + hidden,
		"lines without CR":                 strings.ReplaceAll(first, "\r\n", "\n") + "\n" + hidden,
		"a chunk's line without CR":        first + "Transfer-Encoding: chunked\r\n\r\n0\n\n" + hidden,
		"extensions of a chunk":            first + "Transfer-Encoding: chunked\r\n\r\n0;a=\"\r\n\r\n\"\r\n\r\n" + hidden,
		"a body that a GET has not":        first + length + "\r\n" + hidden,
		"a method that is not answered":    "POST /healthz HTTP/1.1\r\nHost: own.example\r\nContent-Length: 3\r\n\r\nabc" + hidden,
		"a method of another case":         "get /healthz HTTP/1.1\r\nHost: own.example\r\n\r\n" + hidden,
		"another version":                  "GET /healthz HTTP/1.9\r\nHost: own.example\r\n\r\n" + hidden,
		"the beginning of HTTP/2":          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
		"asks for HTTP/2":                  first + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + hidden,
		"a Host of somebody else":          "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n" + hidden,
		"two Hosts":                        first + "Host: evil.example\r\n\r\n" + hidden,
		"no Host":                          "GET /healthz HTTP/1.1\r\n\r\n" + hidden,
		"a whole URL of somebody else":     "GET http://evil.example/healthz HTTP/1.1\r\nHost: own.example\r\n\r\n" + hidden,
		"waits for 100 Continue":           first + "Expect: 100-continue\r\n" + length + "\r\n" + hidden,
		"a path with a slash in disguise":  "GET /healthz/..%2fdebug/pprof/symbol HTTP/1.1\r\nHost: own.example\r\n\r\n" + hidden,
		"no request at all":                "\r\n\r\n" + hidden + hidden,
		"a NUL in a field":                 first + "X: a\x00b\r\n\r\n" + hidden,
		"a CR alone in a field":            first + "X: a\rContent-Length: 62\r\n\r\n" + hidden,
		"an end that is none to everybody": first + "X: a\r\n\n" + hidden,
	} {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn) // bytes that nobody reads may reset the connection
		if answers := strings.Count(string(answer), "HTTP/1.") - strings.Count(string(answer), "HTTP/1.1 100 "); answers > 1 || len(answer) == 0 && err == nil {
			t.Errorf("%s: %d answers, %v: %q", name, answers, err, answer)
		}
		if name != "no request at all" && strings.Contains(string(answer), "num_symbols") {
			t.Errorf("%s: the hidden request is answered: %q", name, answer)
		}
		_ = conn.Close()
	}
}
