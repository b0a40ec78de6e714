package netpoll

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

const plainGet = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n"

// startTakingBack runs a server beside a small HTTP server that answers every GET on
// a connection with its number, and gives the connection back for whatever has a
// key or an Upgrade.
func startTakingBack(t testing.TB, cfg Config) *Server {
	t.Helper()
	var s *Server
	ready := make(chan struct{})
	cfg.HTTP = func(c net.Conn) {
		<-ready
		go serveOrReturn(s, c)
	}
	s = start(t, cfg)
	close(ready)
	return s
}

func serveOrReturn(s *Server, c net.Conn) {
	in := bufio.NewReader(c)
	for n := 1; ; n++ {
		var head []byte
		for !strings.HasSuffix(string(head), "\r\n\r\n") {
			b, err := in.ReadByte()
			if err != nil {
				_ = c.Close()
				return
			}
			head = append(head, b)
		}
		if strings.Contains(string(head), "Sec-WebSocket-Key") || strings.Contains(string(head), "Upgrade:") {
			unread, _ := in.Peek(in.Buffered())
			s.TakeBack(c, append(head, unread...))
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
	}
}

// page reads the answer to a GET.
func (c *client) page(want string) {
	c.t.Helper()
	r := c.response()
	body, err := io.ReadAll(r.Body)
	if r.StatusCode != 200 || err != nil || string(body) != want {
		c.t.Fatalf("%v, %q, %v; want %q", r.Status, body, err, want)
	}
}

// expectRefusal reads a whole response and the end, and closes the client's side, too.
func (c *client) expectRefusal(status int) {
	c.t.Helper()
	r := c.response()
	if _, err := io.Copy(io.Discard, r.Body); r.StatusCode != status || err != nil {
		c.t.Errorf("%v, %v; want %d", r.Status, err, status)
	}
	c.expectEOF()
	_ = c.conn.Close()
}

func TestUpgradeAfterPlainRequests(t *testing.T) {
	opened := make(chan *Conn, 1)
	s := startTakingBack(t, Config{Compression: true, Handler: funcs{open: func(c *Conn) { opened <- c }, message: echoBack}})
	for i := range 50 {
		c := connect(t, s)
		c.write([]byte(plainGet))
		c.page("1")
		c.write([]byte(plainGet))
		c.page("2")
		request := plainRequest
		if i%2 == 1 {
			request = deflateRequest
		}
		c.write([]byte(request))
		if r := c.response(); r.StatusCode != 101 {
			t.Fatal(r.Status)
		}
		conn := await.Value(t, "the connection", opened)
		onLoop(t, conn.Loop(), func() {
			if conn.Remote().Port() != localPort(c) || conn.deflate.Agreed() != (i%2 == 1) {
				t.Errorf("remote %v, %+v", conn.Remote(), conn.deflate)
			}
		})
		for _, text := range []string{"a", strings.Repeat("b", 50_000)} {
			c.send(text)
			if i%2 == 0 {
				c.expect(text)
			}
		}
		c.write(masked(ws.OpClose, "\x03\xe8"))
		if code, _ := c.expectClose(); code != CloseNormal {
			t.Fatal(code)
		}
		_ = c.conn.Close()
	}
	await.Until(t, "gone", func() bool { st := s.Stats(); return st.Sockets == 0 && st.HTTP == 0 })
	if st := s.Stats(); st.Accepted != 50 || st.Opened != 50 || st.HTTPTotal != 50 || st.Closes[CloseNormal] != 50 {
		t.Errorf("%+v", st)
	}
}

// What came in the request's segment, before it and after it, is not lost.
func TestUpgradeInTheMiddleOfASegment(t *testing.T) {
	s := startTakingBack(t, Config{Handler: funcs{message: echoBack}})
	frames := append(masked(ws.OpText, "one"), masked(ws.OpText, "two")...)
	for cut := range len(frames) + 1 {
		c := connect(t, s)
		c.write(append([]byte(plainGet+plainRequest), frames[:cut]...))
		c.page("1")
		if r := c.response(); r.StatusCode != 101 {
			t.Fatal(r.Status)
		}
		c.write(frames[cut:])
		c.expect("one")
		c.expect("two")
		_ = c.conn.Close()
	}
}

// An upgrade is judged the same wherever on a connection it stands: every refusal
// is the same response, byte for byte but for the date.
func TestHandshakesThatComeBackAreJudgedTheSame(t *testing.T) {
	s := startTakingBack(t, Config{Handler: funcs{upgrade: func(r *Request) (any, *Refusal) {
		switch r.Path {
		case "/path":
			return nil, nil
		case "/forbidden":
			return nil, &Refusal{Status: 403, ContentType: "application/json", Body: []byte(`{"no":1}`)}
		default:
			return nil, &Refusal{Status: 404}
		}
	}}})
	insert := func(line string) string { return strings.Replace(plainRequest, "\r\n\r\n", "\r\n"+line+"\r\n\r\n", 1) }
	for name, request := range map[string]string{
		"403":           strings.Replace(plainRequest, "/path", "/forbidden", 1),
		"404":           strings.Replace(plainRequest, "/path", "/other", 1),
		"two hosts":     insert("Host: example.com"),
		"two keys":      insert("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
		"two versions":  insert("Sec-WebSocket-Version: 13"),
		"two origins":   insert("Origin: https://a\r\nOrigin: https://a"),
		"body":          insert("Content-Length: 3") + "abc",
		"LF":            strings.Replace(plainRequest, "Upgrade\r\n", "Upgrade\n", 1),
		"folded":        insert("X: a\r\n b"),
		"space in name": insert("X : a"),
		"key malformed": strings.Replace(plainRequest, "==", "--", 1),
		"version":       strings.Replace(plainRequest, ": 13", ": 8", 1),
		"no upgrade":    strings.Replace(plainRequest, "Upgrade: websocket\r\n", "", 1),
		"no connection": strings.Replace(plainRequest, "Connection: Upgrade\r\n", "", 1),
		"HTTP/1.0":      strings.Replace(plainRequest, "HTTP/1.1", "HTTP/1.0", 1),
		"POST":          strings.Replace(plainRequest, "GET", "POST", 1),
		"extensions":    insert("Sec-WebSocket-Extensions: ;"),
		"over 16 KiB":   insert("X: " + strings.Repeat("x", 17<<10)),
		"control":       insert("X: a\x01"),
	} {
		t.Run(name, func(t *testing.T) {
			var answers [2]string
			for i, before := range []string{"", plainGet} {
				c := connect(t, s)
				c.write([]byte(before + request))
				if before != "" {
					c.page("1")
				}
				r := c.response()
				r.Header.Del("Date")
				answer, err := httputil.DumpResponse(r, true)
				if err != nil {
					t.Fatal(err)
				}
				answers[i] = string(answer)
				c.expectEOF()
				_ = c.conn.Close()
			}
			if answers[0] != answers[1] || strings.Contains(answers[0], " 101 ") {
				t.Errorf("at first: %s\nlater: %s", answers[0], answers[1])
			}
		})
	}
	// What is no WebSocket after all must not go around in circles.
	c := connect(t, s)
	c.write([]byte(plainGet + "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"))
	c.page("1")
	c.expectRefusal(426)
	await.Until(t, "gone", func() bool { st := s.Stats(); return st.Sockets == 0 && st.HTTP == 0 })
}

// A connection that goes to HTTP and back is one connection all the time.
func TestTakenBackConnectionsCountOnce(t *testing.T) {
	s := startTakingBack(t, Config{ConnectionsMax: 2, Handler: funcs{message: echoBack}})
	full := func() {
		t.Helper()
		c := connect(t, s)
		c.expectRefusal(503)
	}
	var clients [2]*client
	for i := range clients {
		clients[i] = connect(t, s)
		clients[i].write([]byte(plainGet))
		clients[i].page("1")
	}
	full()
	for _, c := range clients {
		c.write([]byte(plainRequest))
		if r := c.response(); r.StatusCode != 101 {
			t.Fatal(r.Status)
		}
		c.send("x")
		c.expect("x")
	}
	if st := s.Stats(); st.Sockets < 2 || st.HTTP != 0 {
		t.Errorf("%+v", st)
	}
	full()
	_ = clients[0].conn.Close()
	await.Until(t, "room", func() bool { return s.Stats().Sockets == 1 })
	ws := dial(t, s)
	ws.send("x")
	ws.expect("x")
}

func TestTakeBackWhileDraining(t *testing.T) {
	s := startTakingBack(t, Config{Handler: funcs{}})
	c := connect(t, s)
	c.write([]byte(plainGet))
	c.page("1")
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.write([]byte(plainRequest))
	c.expectRefusal(503)
}

// The engine ends while connections are on their way back: none is left.
func TestTakeBackWhileTheServerEnds(t *testing.T) {
	before := openFiles(t)
	for range 20 {
		t.Run("", func(t *testing.T) {
			s := startTakingBack(t, Config{Handler: funcs{}})
			var clients []*client
			for range 10 {
				c := connect(t, s)
				c.write([]byte(plainGet))
				c.page("1")
				clients = append(clients, c)
			}
			for _, c := range clients {
				c.write([]byte(plainRequest))
			}
			s.Close()
			await.Done(t, "the loops' end", s.done)
			for _, c := range clients {
				c.deadline(await.Limit)
				_, _ = io.Copy(io.Discard, c.in) // ends
			}
			await.Until(t, "gone", func() bool { return s.https.Load() == 0 })
		})
	}
	await.Until(t, "closed", func() bool { return openFiles(t) <= before })
}

func TestTakeBackOfAStranger(t *testing.T) {
	s := start(t, Config{Handler: funcs{}, Log: quiet()})
	near, far := net.Pipe()
	s.TakeBack(near, []byte(plainRequest))
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("not closed: %v", err)
	}
}
