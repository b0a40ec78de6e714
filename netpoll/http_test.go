package netpoll

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

// chanListener is a net.Listener of connections that are handed over.
type chanListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *chanListener) Close() error   { close(l.done); return nil }
func (l *chanListener) Addr() net.Addr { return &net.TCPAddr{} }

// startWithHTTP runs a server beside an HTTP server that answers with what it was asked.
func startWithHTTP(t testing.TB) *Server {
	t.Helper()
	l := &chanListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{ReadHeaderTimeout: await.Limit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s from %s", r.Method, r.URL.Path, body, r.RemoteAddr)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return start(t, Config{Handler: funcs{message: echoBack}, HTTP: func(c net.Conn) { l.conns <- c }})
}

func TestPlainHTTPIsHandedOver(t *testing.T) {
	s := startWithHTTP(t)
	ask := func(c *client, bytes string, want ...string) {
		t.Helper()
		c.write([]byte(bytes))
		for _, w := range want {
			c.deadline(await.Limit)
			r, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if want := w + " from " + c.conn.LocalAddr().String(); err != nil || string(body) != want {
				t.Fatalf("got %q, %v; want %q", body, err, want)
			}
		}
	}
	const get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
	const post = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"

	c := connect(t, s)
	ask(c, get, "GET /a ")
	ask(c, post, "POST /b body") // keep-alive
	ask(c, get+post+get, "GET /a ", "POST /b body", "GET /a ")

	c = connect(t, s)
	ask(c, post+get, "POST /b body", "GET /a ") // pipelined from the first byte on

	c = connect(t, s) // in pieces
	for i := range len(post) - 1 {
		c.write([]byte{post[i]})
		time.Sleep(100 * time.Microsecond)
	}
	ask(c, post[len(post)-1:], "POST /b body")

	if st := s.Stats(); st.HTTP != 3 || st.HTTPTotal != 3 || st.Sockets != 0 {
		t.Errorf("%+v", st)
	}
	_ = c.conn.Close()
	await.Until(t, "closed", func() bool { return s.Stats().HTTP == 2 })

	ws := dial(t, s) // the same port
	ws.send("x")
	ws.expect("x")
}

func TestHTTPThatNobodyTakesIsRefused(t *testing.T) {
	s := start(t, Config{Handler: funcs{}})
	c := connect(t, s)
	c.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	r := c.response()
	if r.StatusCode != 426 || r.Header.Get("Upgrade") != "websocket" {
		t.Error(r.Status, r.Header)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Error(err)
	}
	c.expectEOF()

	taken, free := make(chan struct{}), make(chan struct{})
	s = start(t, Config{Handler: funcs{}, Loops: 1, HTTP: func(c net.Conn) {
		taken <- struct{}{}
		<-free
		_ = c.Close()
	}})
	defer close(free)
	defer func() {
		go func() {
			for range taken {
			}
		}()
	}()
	connect(t, s).write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	await.Value(t, "the first one taken", taken) // and it does not come back
	for range handoversMax {
		connect(t, s).write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	await.Until(t, "queued", func() bool { return s.Stats().HTTP == 1+handoversMax })
	c = connect(t, s)
	c.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if r := c.response(); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Error(r.Status)
	}
	await.Until(t, "counted", func() bool { return s.Stats().Refused[RefusedHTTP] == 1 })
}

func TestPanicInTheHTTPHandOver(t *testing.T) {
	s := start(t, Config{Handler: funcs{message: echoBack}, Log: quiet(), HTTP: func(net.Conn) { panic("on purpose") }})
	for range 2 {
		c := connect(t, s)
		c.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		c.expectEOF()
	}
	await.Until(t, "counted", func() bool { st := s.Stats(); return st.Panics == 2 && st.HTTP == 0 })
}

// Whoever took a connection can end its sending half, as of any TCP connection, and
// still read.
func TestWhatWasHandedOverCanBeHalfClosed(t *testing.T) {
	taken := make(chan net.Conn, 1)
	s := start(t, Config{Handler: funcs{}, HTTP: func(c net.Conn) { taken <- c }})
	c := connect(t, s)
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	c.write([]byte(request))
	in := await.Value(t, "the connection", taken)
	defer in.Close()
	half, ok := in.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("%T has no CloseWrite", in)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.expectEOF()
	c.write([]byte("more"))
	if _, err := io.ReadFull(in, make([]byte, len(request+"more"))); err != nil {
		t.Error(err)
	}
}

func TestReplayGivesWhatWasReadFirst(t *testing.T) {
	near, far := net.Pipe()
	r := &replay{Conn: near, bytes: []byte("first "), closed: func() {}}
	go func() { _, _ = far.Write([]byte("then\n")) }()
	line, err := bufio.NewReader(io.MultiReader(io.LimitReader(r, 3), r)).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "first then" {
		t.Errorf("%q, %v", line, err)
	}
}
