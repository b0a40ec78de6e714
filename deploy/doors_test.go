package deploy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/protocol/token"
)

// bearer signs a token of user i of the fleet.
func bearer(t testing.TB, i int) string {
	t.Helper()
	signed, err := token.Sign([]byte(secret), fleet.User(i), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// upgrade is a handshake of user 0 for trip 0, with further header lines.
func upgrade(t testing.TB, headers ...string) string {
	t.Helper()
	return "GET /ws/chat/" + fleet.Trip(0).String() + "/?token=" + bearer(t, 0) + " HTTP/1.1\r\nHost: " + siteHost + "\r\n" +
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}

// conversation is one connection to a proxy.
type conversation struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func converse(t testing.TB, front string) *conversation {
	t.Helper()
	conn, err := dialSite(t.Context(), front)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	return &conversation{t, conn, bufio.NewReader(conn)}
}

// ask sends a request and reads the head of the answer.
func (c *conversation) ask(request string) *http.Response {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, request); err != nil {
		c.t.Fatal(err)
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// next reads a frame of the server.
func (c *conversation) next() (ws.OpCode, []byte) {
	c.t.Helper()
	header, err := ws.ReadHeader(c.in)
	if err != nil {
		c.t.Fatal(err)
	}
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		c.t.Fatal(err)
	}
	return header.OpCode, payload
}

// frame reads a frame of the server that has text.
func (c *conversation) frame() string {
	c.t.Helper()
	_, payload := c.next()
	return string(payload)
}

// end reads the frames of the server until it closes, and returns the last one and the close.
func (c *conversation) end() (last string, code ws.StatusCode, reason string) {
	c.t.Helper()
	for {
		op, payload := c.next()
		if op == ws.OpClose {
			code, reason = ws.ParseCloseFrameData(payload)
			_ = ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, ""))))
			return last, code, reason
		}
		last = string(payload)
	}
}

func (c *conversation) send(text string) {
	c.t.Helper()
	if err := ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewTextFrame([]byte(text)))); err != nil {
		c.t.Fatal(err)
	}
}

// TestEachProxyCarriesTheChat: WebSockets, with Origin and Host as a browser sends them, REST
// and a WebSocket on one connection, HTTP/2, what links are made of, a file of 1 MiB, and what
// clients are told when they are kicked and when their node goes.
func TestEachProxyCarriesTheChat(t *testing.T) {
	t.Parallel()
	all, fronts := t, map[string]string{}
	database := "sqlite:" + t.TempDir() + "/caravan.db"
	n := startNode(t, "--database", database, "--trusted-proxies", "127.0.0.0/8", "--attachments", "file:"+t.TempDir(), "--drain-timeout", "4s")
	run(t, "seed", "--users", "2", "--trips", "1", "--database", database)
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			front := p.start(all, n.address, loopback()) // the other one is down
			fronts[p.name] = front
			c := converse(t, front)
			await.Until(t, "the proxy has found the node", func() bool {
				res := c.ask("GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: " + siteHost + "\r\n\r\n")
				_, err := io.Copy(io.Discard, res.Body)
				if err != nil || res.Close {
					c = converse(t, front)
				}
				return res.StatusCode == http.StatusUnauthorized // by the node
			})
			room := "/api/v1/chat/rooms/" + fleet.Trip(0).String() + "/messages/?limit=1"
			res := c.ask("GET " + room + " HTTP/1.1\r\nHost: " + siteHost + "\r\nAuthorization: Bearer " + bearer(t, 0) + "\r\n\r\n")
			if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
				t.Errorf("REST: %s %s, %v", res.Status, text, err)
			}
			if res := c.ask(upgrade(t, "Origin: https://"+siteHost)); res.StatusCode != 101 {
				t.Fatalf("a WebSocket on the connection of a REST call: %s", res.Status)
			}
			if text := c.frame(); !strings.HasPrefix(text, `{"type":"message_history"`) {
				t.Errorf("the first frame is %s", text)
			}
			for i := range 2 {
				content := fmt.Sprintf("%s %d", p.name, i)
				c.send(`{"type":"chat_message","content":"` + content + `"}`)
				if text := c.frame(); !strings.Contains(text, content) {
					t.Errorf("got %s", text)
				}
			}
			if res := converse(t, front).ask(upgrade(t, "Origin: https://elsewhere.example")); res.StatusCode != 403 {
				t.Errorf("another origin: %s", res.Status)
			}
			second(t, front, room)
			file := strings.Repeat("at the sea ", 1<<20/11)
			res = converse(t, front).ask("POST /api/v1/chat/rooms/" + fleet.Trip(0).String() + "/attachments/?name=a.txt HTTP/1.1\r\nHost: " + siteHost +
				"\r\nAuthorization: Bearer " + bearer(t, 0) + "\r\nContent-Type: text/plain\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(file)) + file)
			if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 201 || !strings.Contains(string(text), `"url":"https://`+siteHost+"/api/") {
				t.Errorf("an upload: %s %s, %v", res.Status, text, err)
			}
			run(t, "admin", "kick", "--admin", "http://"+n.address+":9000", "--room", fleet.Trip(0).String(), "--code", "4003", "--reason", "asked to")
			if _, code, reason := c.end(); code != 4003 || reason != "asked to" {
				t.Errorf("kicked with %d %s", code, reason)
			}
		})
	}
	if t.Failed() {
		return
	}
	clients := map[string]*conversation{}
	for name, front := range fronts {
		clients[name] = converse(t, front)
		if res := clients[name].ask(strings.Replace(upgrade(t), "/?token", "/?v=2&token", 1)); res.StatusCode != 101 {
			t.Fatalf("%s: %s", name, res.Status)
		}
		clients[name].frame() // it is in
	}
	run(t, "admin", "drain", "--admin", "http://"+n.address+":9000")
	for name, c := range clients {
		if last, code, _ := c.end(); code != 1012 || !strings.HasPrefix(last, `{"type":"closing","reconnect_after_ms":`) {
			t.Errorf("%s: a node that goes says %s and %d", name, last, code)
		}
	}
}

// second speaks HTTP/2 to the proxy.
func second(t *testing.T, front, path string) {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: trusting("h2", "http/1.1"),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, front+":8443")
		}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+siteHost+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer(t, 0))
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.ProtoMajor != 2 || res.StatusCode != 200 || !strings.Contains(string(text), `"previous":"https://`+siteHost+"/api/") {
		t.Errorf("%s %s %s, %v", res.Proto, res.Status, text, err)
	}
}

// TestEachProxySaysWhereAClientIs, and that alone: not what the client says.
func TestEachProxySaysWhereAClientIs(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	node := loopback()
	var host atomic.Pointer[string] // of a check of health by which a node would not know itself
	for _, port := range []string{":8000", ":9000"} {
		l, err := net.Listen("tcp", node+port)
		if err != nil {
			t.Fatal(err)
		}
		recorder := &http.Server{ReadHeaderTimeout: await.Limit, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			switch name, _, _ := strings.Cut(r.Host, ":"); {
			case r.URL.Path == "/asked":
				asked <- r
			case strings.HasSuffix(r.URL.Path, "z") && name != "" && name != "localhost":
				host.Store(&name)
			}
		})}
		go func() { _ = recorder.Serve(l) }()
		t.Cleanup(func() { _ = recorder.Close() })
	}
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			front := p.start(t, node, loopback())
			await.Until(t, "the proxy has found the node", func() bool {
				return converse(t, front).ask("GET / HTTP/1.1\r\nHost: "+siteHost+"\r\n\r\n").StatusCode == 200
			})
			c := converse(t, front)
			c.ask("GET /asked HTTP/1.1\r\nHost: " + siteHost + "\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: gopher\r\n\r\n")
			r := await.Value(t, "the request", asked)
			client, _, err := net.SplitHostPort(c.conn.LocalAddr().String())
			if got := strings.Join(r.Header.Values("X-Forwarded-For"), ","); err != nil || got != client {
				t.Errorf("X-Forwarded-For: %q, the client is %s", got, client)
			}
			if got := strings.Join(r.Header.Values("X-Forwarded-Proto"), ","); got != "https" {
				t.Errorf("X-Forwarded-Proto: %q", got)
			}
			if r.Host != siteHost {
				t.Errorf("Host: %q", r.Host)
			}
			if name := host.Load(); name != nil {
				t.Errorf("it asks for a node's health as %s, which a node that is called otherwise answers with 421", *name)
			}
		})
	}
}

// TestNoProxyWritesTokensDown, also not where it has no node to ask, as in a restart, and
// beside its errors.
func TestNoProxyWritesTokensDown(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			front, dir := p.run(t, loopback(), loopback())
			if res := converse(t, front).ask(upgrade(t)); res.StatusCode < 500 {
				t.Errorf("without a node: %s", res.Status)
			}
			if listens(t.Context(), front+":8080") { // without TLS
				conn, err := net.Dial("tcp", front+":8080")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c := &conversation{t, conn, bufio.NewReader(conn)}
				if res := c.ask(upgrade(t)); res.StatusCode != 403 {
					t.Errorf("a WebSocket without TLS: %s", res.Status)
				}
			}
			header, _, _ := strings.Cut(bearer(t, 0), ".") // of each token
			err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() && strings.Contains(shipped(t, path), header) {
					t.Errorf("%s has a token", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHAProxySpeaksThePROXYProtocol: the line that the file shows has the node know where
// clients are, over REST and WebSockets. The checks go on.
func TestHAProxySpeaksThePROXYProtocol(t *testing.T) {
	t.Parallel()
	n := startNode(t, "--database", "sqlite:"+t.TempDir()+"/caravan.db", "--trusted-proxies", "127.0.0.1", "--proxy-protocol")
	p := proxies[0]
	file := p.config
	p.config = func(t testing.TB, dir, front, one, two string) string {
		return strings.ReplaceAll(file(t, dir, front, one, two), "fall 2 rise 1\n", "fall 2 rise 1 send-proxy-v2\n")
	}
	front := p.start(t, n.address, loopback())
	from := loopback()
	dialer := tls.Dialer{Config: trusting("http/1.1"), NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}}
	for request, line := range map[string]string{
		"GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: " + siteHost + "\r\n\r\n": "reason=missing address=" + from + " ",
		strings.Replace(upgrade(t, "\r\n"), "/ws/chat/", "/ws/none/", 1):     "reason=path address=" + from + " ",
	} {
		await.Until(t, line, func() bool {
			conn, err := dialer.DialContext(t.Context(), "tcp", front+":8443")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(await.Limit))
			c := &conversation{t, conn, bufio.NewReader(conn)}
			c.ask(request) // until the proxy has found the node
			return strings.Contains(n.log(t), line)
		})
	}
}
