package netpoll

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// client is a WebSocket client that can also misbehave: it writes whatever bytes
// it is told to.
type client struct {
	t    testing.TB
	conn *net.TCPConn
	in   *bufio.Reader
}

const plainRequest = "GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n" +
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

const deflateRequest = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n" +
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

// connect opens a TCP connection to the server.
func connect(t testing.TB, s *Server) *client {
	t.Helper()
	return connectTo(t, s.Addr().String())
}

func connectTo(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// dial opens a WebSocket.
func dial(t testing.TB, s *Server) *client {
	t.Helper()
	return dialWith(t, s, plainRequest)
}

func dialWith(t testing.TB, s *Server, request string) *client {
	t.Helper()
	c := connect(t, s)
	c.write([]byte(request))
	if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v", r.Status)
	}
	return c
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// response reads an HTTP response's header.
func (c *client) response() *http.Response {
	c.t.Helper()
	c.deadline(await.Limit)
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatalf("response: %v", err)
	}
	return r
}

func (c *client) deadline(d time.Duration) { _ = c.conn.SetReadDeadline(time.Now().Add(d)) }

// masked is a client's frame.
func masked(op ws.OpCode, payload string) []byte {
	f := ws.MaskFrame(ws.NewFrame(op, true, []byte(payload)))
	return ws.MustCompileFrame(f)
}

func (c *client) send(text string) { c.t.Helper(); c.write(masked(ws.OpText, text)) }

// frame reads one frame.
func (c *client) frame() (ws.OpCode, string, error) {
	c.deadline(await.Limit)
	header, payload, err := readFrame(c.in)
	return header.OpCode, string(payload), err
}

// readFrame reads one frame of a server that is trusted to send no huge ones.
func readFrame(r io.Reader) (header ws.Header, payload []byte, err error) {
	if header, err = ws.ReadHeader(r); err != nil {
		return header, nil, err
	}
	payload = make([]byte, header.Length)
	_, err = io.ReadFull(r, payload)
	return header, payload, err
}

// expect reads one text message.
func (c *client) expect(want string) {
	c.t.Helper()
	op, got, err := c.frame()
	if err != nil || op != ws.OpText || got != want {
		c.t.Fatalf("got %v %.80q, %v; want text %.80q", op, got, err, want)
	}
}

// expectClose reads frames until the close frame and returns its code; then the
// connection's end must come.
func (c *client) expectClose() (code uint16, reason string) {
	c.t.Helper()
	code, reason = c.readClose()
	c.expectEOF()
	return code, reason
}

// readClose reads frames until the close frame.
func (c *client) readClose() (code uint16, reason string) {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
		if op != ws.OpClose {
			continue
		}
		code = CloseNoStatus
		if len(payload) >= 2 {
			code, reason = binary.BigEndian.Uint16([]byte(payload)), payload[2:]
		}
		return code, reason
	}
}

func (c *client) expectEOF() {
	c.t.Helper()
	c.deadline(await.Limit)
	n, err := io.Copy(io.Discard, c.in)
	if err != nil && !strings.Contains(err.Error(), "reset") || n > 0 {
		c.t.Fatalf("expected the end, got %d bytes, %v", n, err)
	}
}

// funcs is a Handler of functions; nil ones do nothing.
type funcs struct {
	upgrade func(*Request) (any, *Refusal)
	open    func(*Conn)
	wait    func(*Conn) time.Duration
	message func(*Conn, Kind, []byte)
	close   func(*Conn, Closed)
	tick    func(*Loop, time.Time)
}

func (f funcs) Upgrade(r *Request) (any, *Refusal) {
	if f.upgrade != nil {
		return f.upgrade(r)
	}
	return nil, nil
}

func (f funcs) Open(c *Conn) {
	if f.open != nil {
		f.open(c)
	}
}

func (f funcs) Wait(c *Conn) time.Duration {
	if f.wait != nil {
		return f.wait(c)
	}
	return 0
}

func (f funcs) Message(c *Conn, k Kind, p []byte) {
	if f.message != nil {
		f.message(c, k, p)
	}
}

func (f funcs) Close(c *Conn, why Closed) {
	if f.close != nil {
		f.close(c, why)
	}
}

func (f funcs) Tick(l *Loop, now time.Time) {
	if f.tick != nil {
		f.tick(l, now)
	}
}

func echoBack(c *Conn, kind Kind, p []byte) {
	if kind == Text {
		c.SendText(p)
	} else {
		c.SendBinary(p)
	}
}

// start runs a server until the test ends, and checks then that Run returns nil.
func start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	t.Cleanup(func() {
		s.Close()
		if err := await.Value(t, "Run's return", ended); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	await.Done(t, "the loops", s.Ready())
	return s
}

// onLoop runs f on a loop and waits for it.
func onLoop(t testing.TB, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	l.Post(func() { defer close(done); f() })
	await.Done(t, "the loop's answer", done)
}
