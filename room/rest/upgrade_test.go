package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
)

const upgradeHead = "GET /ws/chat/x/?token=%41 HTTP/1.1\r\nHost: example.com\r\nuPGRADE: h2c\r\nUpgrade:\twebsocket \r\n" +
	"connection: close, Upgrade\r\nConnection:\r\nsec-webSocket-key:  dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: a=b\r\nCookie: c\r\n" +
	"X-Empty:\r\nTrailer: X\r\nUser-Agent: u\r\nUser-Agent: v\r\nContent-Type: t\r\n\r\n"

// Whoever takes the upgrade gets every byte as the client sent it: doubles, cases,
// spaces, and what came behind it in the same segment.
func TestUpgradesAreHandedBackByteForByte(t *testing.T) {
	const get = "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n"
	type returned struct {
		c    net.Conn
		read string
	}
	back := make(chan returned, 1)
	n := start(t, newChat(1), func(cfg *rest.Config) {
		cfg.Upgrade = func(c net.Conn, read []byte) {
			back <- returned{c, string(read)}
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
	})
	frames := strings.Repeat("\x81\x80\x00\x00\x00\x00", 100)
	for name, sent := range map[string][]string{
		"apart":               {get, upgradeHead},
		"one segment":         {get + get + upgradeHead + frames},
		"frames behind":       {get, upgradeHead + frames},
		"in pieces":           {get, upgradeHead[:7], upgradeHead[7:90], upgradeHead[90:]},
		"absolute":            {get, strings.Replace(upgradeHead, "/ws", "http://y/ws", 1)},
		"not the first thing": {get, get, get, upgradeHead},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", n.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			for _, part := range sent {
				if _, err := io.WriteString(conn, part); err != nil {
					t.Fatal(err)
				}
				for range strings.Count(part, get) {
					if got := read(t, in); got.StatusCode != 200 {
						t.Fatal(got.Status)
					}
				}
				time.Sleep(5 * time.Millisecond)
			}
			want := strings.ReplaceAll(strings.Join(sent, ""), get, "")
			got := <-back
			if got.read != want || got.c.RemoteAddr().String() != conn.LocalAddr().String() {
				t.Errorf("read %q\nwant %q\nfrom %v", got.read, want, got.c.RemoteAddr())
			}
			if _, ok := got.c.(*net.TCPConn); !ok {
				t.Errorf("a %T was handed in as a *net.TCPConn", got.c)
			}
			if got := read(t, in); got.StatusCode != 404 {
				t.Error(got.Status)
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("after the upgrade: %v", err)
			}
		})
	}
	if n.seen.count("websocket", 200) > 0 || n.seen.count("unknown", 200) > 0 {
		t.Error("what others answer was counted as an answer")
	}
}

// Requests that name an upgrade to something else, as browsers and curl may, are
// answered like any other, and the connection lives on.
func TestOtherUpgradesAreIgnored(t *testing.T) {
	n := start(t, newChat(1), func(cfg *rest.Config) {
		cfg.Upgrade = func(_ net.Conn, read []byte) { t.Errorf("handed back: %q", read) }
	})
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, fields := range []string{"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", "Upgrade: websockets\r\n", "Upgrade:\r\n"} {
		if _, err := fmt.Fprintf(conn, "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n%s\r\n", fields); err != nil {
			t.Fatal(err)
		}
		if got := read(t, in); got.StatusCode != 200 {
			t.Errorf("%q: %s", fields, got.Status)
		}
	}
}

func read(t *testing.T, in *bufio.Reader) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}
