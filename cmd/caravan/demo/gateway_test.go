package demo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol/token"
)

// gateway stands between a browser and the server, as proxies on a company's
// network do, and does what they do to people. What is not set passes.
type gateway struct {
	down         atomic.Bool  // nothing passes, as with no network
	noREST       atomic.Bool  // calls of REST are refused
	noConfig     atomic.Bool  // the page does not learn who there is
	blockSockets atomic.Bool  // refuse every WebSocket
	badTokens    atomic.Int64 // so many tokens are spoilt on their way to the page
	tokensAsked  atomic.Int64
	presence     atomic.Bool            // what the server says of who is here does not come through
	otherTrip    atomic.Bool            // no room can be subscribed
	lose         atomic.Pointer[[]byte] // the next frame to the page that contains this is lost
	refusals     chan refusal           // answers to the page's next messages and edits, which the server does not get
	rooms        sync.Mutex             // who locks it holds the lists of rooms back
	uploads      sync.Mutex             // who locks it holds uploads back
	sockets      atomic.Int64           // WebSockets that were let through
	mu           sync.Mutex             // guards open and pages
	pages        map[net.Conn]struct{}  // of open: WebSockets of pages
	open         map[net.Conn]struct{}  // to be cut at the end
	target       string                 // host:port of the server
	plain        *httputil.ReverseProxy // everything that is no WebSocket
	http         *httptest.Server
}

func startGateway(t *testing.T, s *server) *gateway {
	t.Helper()
	g := &gateway{target: s.addr, open: map[net.Conn]struct{}{}, pages: map[net.Conn]struct{}{}, refusals: make(chan refusal, 100)}
	g.plain = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: g.target})
			r.Out.Host = r.In.Host
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
	clear(g.pages)
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
	case g.noConfig.Load() && r.URL.Path == "/demo/config.json":
		http.Error(w, "Not now", http.StatusServiceUnavailable)
	case g.noREST.Load() && strings.HasPrefix(r.URL.Path, "/api/"):
		http.Error(w, "Not now", http.StatusServiceUnavailable)
	case (r.Method == "POST" || r.Method == "PATCH") && writes(r.URL.Path) && g.refuseRequest(w):
	case r.URL.Path == "/api/v1/chat/rooms/":
		g.rooms.Lock()
		defer g.rooms.Unlock()
		g.plain.ServeHTTP(w, r)
	case r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/attachments/"):
		g.uploads.Lock()
		defer g.uploads.Unlock()
		g.plain.ServeHTTP(w, r)
	case r.URL.Path == "/demo/token":
		g.tokensAsked.Add(1)
		if g.badTokens.Add(-1) >= 0 {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"token":%q}`, spoiltToken(r.FormValue("user")))
			return
		}
		fallthrough
	default:
		g.plain.ServeHTTP(w, r)
	}
}

// spoiltToken is one of a user that no server takes: another key has signed it.
func spoiltToken(user string) string {
	id, err := uuid.Parse(user)
	if err != nil {
		panic(err)
	}
	text, err := token.Sign([]byte("a key that the server does not have at all"), id, time.Hour)
	if err != nil {
		panic(err)
	}
	return text
}

// socket joins a WebSocket of the page with one to the server, frame by frame.
func (g *gateway) socket(w http.ResponseWriter, r *http.Request) {
	if g.blockSockets.Load() {
		http.Error(w, "WebSockets are not allowed here", http.StatusForbidden)
		return
	}
	offered := strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ", ") // the token is among them
	dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP{"Origin": {"http://" + g.target}}, Protocols: offered}
	up, early, _, err := dialer.Dial(r.Context(), "ws://"+g.target+r.URL.Path+"?"+r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	upgrader := ws.HTTPUpgrader{Protocol: func(name string) bool { return name == "caravan" }}
	down, _, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		up.Close()
		return
	}
	g.sockets.Add(1)
	g.mu.Lock()
	g.open[up], g.open[down] = struct{}{}, struct{}{}
	g.pages[down] = struct{}{}
	g.mu.Unlock()
	go func() {
		defer up.Close()
		pass(down, up, ws.StateServerSide, func(text []byte) bool { return !g.refuseRooms(down, text) && !g.refuseFrame(down, text) })
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

// tell sends a frame to the page as if it came from the server.
func (g *gateway) tell(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.pages {
		_ = write(c, ws.StateClientSide, ws.OpText, []byte(text)) // it has gone
	}
}

// passes loses one frame where the test asked for that.
func (g *gateway) passes(text []byte) bool {
	if g.presence.Load() && bytes.HasPrefix(text, []byte(`{"type":"presence"`)) {
		return false
	}
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

// write sends one frame in one call, so that several goroutines may write to one connection.
func write(to io.Writer, from ws.State, op ws.OpCode, payload []byte) error {
	frame := ws.NewFrame(op, true, slices.Clone(payload))
	if from == ws.StateServerSide {
		frame = ws.MaskFrameInPlace(frame)
	}
	text, err := ws.CompileFrame(frame)
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}

// refusal is what the gateway answers to a message or an edit in the server's place.
type refusal struct {
	status int    // of REST
	code   string // empty: a proxy's answer, which is not Caravan's JSON
}

// refuse answers the page's next messages, edits and, over REST, uploads: each refusal is used once.
func (g *gateway) refuse(refusals ...refusal) {
	for _, r := range refusals {
		g.refusals <- r
	}
}

// writes reports whether a call of REST is about a message or a file.
func writes(path string) bool {
	return strings.HasPrefix(path, "/api/v1/chat/messages/") || strings.HasSuffix(path, "/attachments/")
}

func (g *gateway) refuseRequest(w http.ResponseWriter) bool {
	select {
	case r := <-g.refusals:
		if r.code == "" {
			http.Error(w, "<h1>No answer from upstream</h1>", r.status)
			return true
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(r.status)
		fmt.Fprintf(w, `{"code":%q,"detail":"Refused on the way"}`, r.code)
		return true
	default:
		return false
	}
}

// refuseRooms answers a subscribe where no room may be entered.
func (g *gateway) refuseRooms(page io.Writer, text []byte) bool {
	var frame struct {
		Type  string `json:"type"`
		Rooms []struct {
			ID string `json:"id"`
		} `json:"rooms"`
	}
	if !g.otherTrip.Load() || json.Unmarshal(text, &frame) != nil || frame.Type != "subscribe" {
		return false
	}
	for _, room := range frame.Rooms {
		left := fmt.Appendf(nil, `{"type":"left","chat_room_id":%q,"code":4003,"message":"not a collaborator"}`, room.ID)
		if write(page, ws.StateClientSide, ws.OpText, left) != nil {
			return true
		}
	}
	return true
}

func (g *gateway) refuseFrame(page io.Writer, text []byte) bool {
	var frame struct {
		Type     string `json:"type"`
		Room     string `json:"chat_room_id"`
		ClientID string `json:"client_id"`
	}
	if json.Unmarshal(text, &frame) != nil || frame.Type != "chat_message" && frame.Type != "edit_message" {
		return false
	}
	select {
	case r := <-g.refusals:
		answer := fmt.Appendf(nil, `{"type":"error","message":"Refused on the way","code":%q,"chat_room_id":%q,"client_id":%q}`, r.code, frame.Room, frame.ClientID)
		return write(page, ws.StateClientSide, ws.OpText, answer) == nil
	default:
		return false
	}
}
