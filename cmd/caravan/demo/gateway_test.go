package demo_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"
)

// gateway stands between a browser and the server, as proxies on a company's
// network do, and does what they do to people. What is not set passes.
type gateway struct {
	down         atomic.Bool  // nothing passes, as with no network
	delay        atomic.Int64 // nanoseconds by which answers of REST come later
	blockSockets atomic.Bool  // refuse every WebSocket
	badTokens    atomic.Int64 // so many tokens are spoilt on their way to the page
	tokensAsked  atomic.Int64
	otherTrip    atomic.Bool            // WebSockets ask for a trip that is not there
	lose         atomic.Pointer[[]byte] // the next frame to the page that contains this is lost
	sockets      atomic.Int64           // WebSockets that were let through
	mu           sync.Mutex             // guards open
	open         map[net.Conn]struct{}  // to be cut at the end
	target       string                 // host:port of the server
	plain        *httputil.ReverseProxy // everything that is no WebSocket
	http         *httptest.Server
}

func startGateway(t *testing.T, s *server) *gateway {
	t.Helper()
	g := &gateway{target: s.addr, open: map[net.Conn]struct{}{}}
	g.plain = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: g.target})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(*http.Response) error {
			time.Sleep(time.Duration(g.delay.Load()))
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0), // a page that is left cancels its long poll
	}
	g.http = httptest.NewServer(g)
	t.Cleanup(func() {
		g.cut()
		g.http.Close()
	})
	return g
}

// cut ends all connections without a word.
func (g *gateway) cut() {
	g.mu.Lock()
	for c := range g.open {
		c.Close()
	}
	clear(g.open)
	g.mu.Unlock()
	g.http.CloseClientConnections()
}

func (g *gateway) url(path string) string { return g.http.URL + path }

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case g.down.Load():
		panic(http.ErrAbortHandler) // cuts the connection
	case strings.HasPrefix(r.URL.Path, "/ws/"):
		g.socket(w, r)
	case r.URL.Path == "/demo/token":
		g.tokensAsked.Add(1)
		if g.badTokens.Add(-1) >= 0 {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"token":"spoilt"}`))
			return
		}
		fallthrough
	default:
		g.plain.ServeHTTP(w, r)
	}
}

// socket joins a WebSocket of the page with one to the server, frame by frame.
func (g *gateway) socket(w http.ResponseWriter, r *http.Request) {
	if g.blockSockets.Load() {
		http.Error(w, "WebSockets are not allowed here", http.StatusForbidden)
		return
	}
	path := r.URL.Path
	if g.otherTrip.Load() {
		path = "/ws/chat/" + uuid.NewString() + "/"
	}
	dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP{"Origin": {"http://" + g.target}}}
	up, early, _, err := dialer.Dial(r.Context(), "ws://"+g.target+path+"?"+r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	down, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		up.Close()
		return
	}
	g.sockets.Add(1)
	g.mu.Lock()
	g.open[up], g.open[down] = struct{}{}, struct{}{}
	g.mu.Unlock()
	go func() {
		defer up.Close()
		pass(down, up, ws.StateServerSide, func([]byte) bool { return true })
	}()
	defer down.Close()
	var fromServer io.ReadWriter = up
	if early != nil { // frames that came with the handshake
		fromServer = struct {
			io.Reader
			io.Writer
		}{early, up}
	}
	pass(fromServer, down, ws.StateClientSide, g.passes)
}

// passes loses one frame where the test asked for that.
func (g *gateway) passes(text []byte) bool {
	mark := g.lose.Load()
	return mark == nil || !bytes.Contains(text, *mark) || !g.lose.CompareAndSwap(mark, nil)
}

// pass copies messages from one side to the other, close frames included.
func pass(from io.ReadWriter, to io.Writer, side ws.State, passes func(text []byte) bool) {
	for {
		text, op, err := wsutil.ReadData(from, side)
		var closed wsutil.ClosedError
		if errors.As(err, &closed) {
			write(to, side, ws.OpClose, ws.NewCloseFrameBody(closed.Code, closed.Reason))
		}
		if err != nil {
			return
		}
		if passes(text) && write(to, side, op, text) != nil {
			return
		}
	}
}

func write(to io.Writer, from ws.State, op ws.OpCode, payload []byte) error {
	if from == ws.StateServerSide {
		return wsutil.WriteClientMessage(to, op, payload)
	}
	return wsutil.WriteServerMessage(to, op, payload)
}
