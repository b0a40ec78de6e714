package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/socket"
)

// fakeNode has one client, and remembers what it was asked for.
type fakeNode struct {
	which  socket.Which
	code   protocol.CloseCode
	reason string
	drains int
	level  slog.Level
}

func (n *fakeNode) Clients(_ context.Context, which socket.Which, most int) ([]socket.Client, int, error) {
	n.which = which
	return []socket.Client{{User: uuid.UUID{1}, Trip: uuid.UUID{2}, Address: netip.MustParseAddrPort("192.0.2.7:0"), Version: 2, Rooms: 1, Waiting: 7}}, most + 1, nil
}

func (n *fakeNode) Kick(_ context.Context, which socket.Which, code protocol.CloseCode, reason string) (int, error) {
	n.which, n.code, n.reason = which, code, reason
	return 3, nil
}

func (n *fakeNode) Drain()                    { n.drains++ }
func (n *fakeNode) Level() slog.Level         { return n.level }
func (n *fakeNode) SetLevel(level slog.Level) { n.level = level }

const someUser = "01000000-0000-0000-0000-000000000000"

// operated answers requests as the admin port does.
func operated(node Node) http.Handler {
	mux := http.NewServeMux()
	operate(mux, node, slog.New(slog.DiscardHandler))
	return mux
}

// TestOperatorsCalls: who may ask what, and how it is answered.
func TestOperatorsCalls(t *testing.T) {
	for _, c := range []struct {
		request string
		header  []string
		from    string // instead of a loopback address
		status  int
		said    string
	}{
		{"GET /connections", nil, "", 200, `"all":1001`},
		{"GET /connections?user=" + someUser, nil, "", 200, `"address":"192.0.2.7"`},
		{"GET /connections?user=x", nil, "", 400, "user must be"},
		{"GET /connections?address=x", nil, "", 400, "address must be"},
		{"GET /connections/kick?user=" + someUser, nil, "", 405, ""},
		{"POST /connections/kick?user=" + someUser, nil, "", 200, `"kicked":3`},
		{"POST /connections/kick", nil, "", 400, "whom?"},
		{"POST /connections/kick?address=192.0.2.7&user=" + uuid.Nil.String(), nil, "", 400, "user must be"},
		{"POST /connections/kick?user=" + someUser + "&code=1000", nil, "", 400, "code must be"},
		{"POST /connections/kick?user=" + someUser + "&reason=" + strings.Repeat("x", 124), nil, "", 400, "123 bytes"},
		{"GET /drain", nil, "", 405, ""},
		{"POST /drain", nil, "", 202, "draining"},
		{"GET /log-level", nil, "", 200, `"level":"info"`},
		{"POST /log-level?level=debug", nil, "", 200, `"level":"debug"`},
		{"POST /log-level?level=loud", nil, "", 400, "level must be"},

		{"GET /connections", nil, "192.0.2.1:5", 403, "machine of the server"},
		{"GET /log-level", nil, "192.0.2.1:5", 403, "machine of the server"},
		{"POST /drain", nil, "192.0.2.1:5", 403, "machine of the server"},
		{"POST /drain", nil, "10.0.0.9:5", 202, "draining"}, // the address that is listened on
		{"POST /drain", []string{"X-Forwarded-For", "192.0.2.1"}, "", 403, "machine of the server"},
		{"POST /drain", []string{"Origin", "https://evil.example"}, "", 403, "another site"},
		{"POST /drain", []string{"Origin", "null"}, "", 403, "another site"},
		{"POST /drain", []string{"Sec-Fetch-Site", "cross-site"}, "", 403, "another site"},
		{"POST /log-level?level=debug", []string{"Origin", "http://127.0.0.1:9000", "Sec-Fetch-Site", "same-origin"}, "", 200, "debug"},
		{"POST /connections/kick?user=" + someUser, []string{"Origin", "http://127.0.0.1:9001"}, "", 403, "another site"},
	} {
		node := &fakeNode{}
		method, path, _ := strings.Cut(c.request, " ")
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 9000})
		r := httptest.NewRequestWithContext(ctx, method, path, nil)
		r.Host, r.RemoteAddr = "127.0.0.1:9000", "127.0.0.1:5"
		if c.from != "" {
			r.RemoteAddr = c.from
		}
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		w := httptest.NewRecorder()
		operated(node).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.said) {
			t.Errorf("%s %v of %s: %d %s", c.request, c.header, r.RemoteAddr, w.Code, w.Body)
		}
		if changed := node.drains > 0 || node.code != 0 || node.level != 0; changed != (c.status < 300 && method == "POST") {
			t.Errorf("%s %v: changed something: %v", c.request, c.header, changed)
		}
	}
}

// TestKickSaysWhomAndHow.
func TestKickSaysWhomAndHow(t *testing.T) {
	node := &fakeNode{}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/connections/kick?user="+someUser+"&room="+someUser+"&address=::ffff:192.0.2.7&code=4003&reason=no+more", nil)
	r.RemoteAddr = "[::1]:5"
	operated(node).ServeHTTP(httptest.NewRecorder(), r)
	want := socket.Which{User: uuid.UUID{1}, Room: uuid.UUID{1}, Address: netip.MustParseAddr("192.0.2.7")}
	if node.which != want || node.code != protocol.CloseForbidden || node.reason != "no more" {
		t.Errorf("%+v, %d, %q", node.which, node.code, node.reason)
	}
}
