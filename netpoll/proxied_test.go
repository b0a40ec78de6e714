package netpoll

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
)

const (
	proxyLine   = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
	proxyBinary = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"
	proxyLocal  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	proxyClient = "192.0.2.7:56324"
)

// proxiedServer trusts this machine's proxies, while trusted says so, tells over WebSockets and
// HTTP whom it hears, and keeps whom it has turned away.
func proxiedServer(t *testing.T, cfg Config) (s *Server, trusted *atomic.Bool, away chan string) {
	t.Helper()
	trusted, away = new(atomic.Bool), make(chan string, 100)
	trusted.Store(true)
	if cfg.HTTP == nil {
		l := &chanListener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{ReadHeaderTimeout: await.Limit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr)
		})}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close() })
		cfg.HTTP = func(c net.Conn) { l.conns <- c }
	}
	cfg.Handler = funcs{
		upgrade: func(r *Request) (any, *Refusal) { return r.Remote.String(), nil },
		open:    func(c *Conn) { c.SendText([]byte(c.Session().(string) + " " + c.Remote().String())) },
	}
	cfg.Proxied = func(peer netip.Addr) bool { return trusted.Load() && peer.IsLoopback() }
	cfg.TurnedAway = func(why RefusalReason, remote netip.AddrPort, path string) {
		away <- fmt.Sprint(why, " ", remote.Addr(), " ", path)
	}
	return start(t, cfg), trusted, away
}

// TestAProxySaysForWhomAConnectionIs: the Handler, Conn.Remote, HTTP and what is told of those
// who are turned away have the client's address, however the bytes come.
func TestAProxySaysForWhomAConnectionIs(t *testing.T) {
	s, _, away := proxiedServer(t, Config{})
	const get, wrong = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /w HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
	for name, header := range map[string]string{"version 1": proxyLine, "version 2": proxyBinary, "of its own": proxyLocal} {
		for _, piece := range []int{1 << 20, 1, 7, len(header), len(header) + 3} {
			c := connect(t, s)
			client := proxyClient
			if header == proxyLocal {
				client = c.conn.LocalAddr().String()
			}
			c.writeInPieces(header+plainRequest, piece)
			if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%s in pieces of %d: %s", name, piece, r.Status)
			}
			c.expect(client + " " + client)

			c = connect(t, s)
			if header == proxyLocal {
				client = c.conn.LocalAddr().String()
			}
			c.writeInPieces(header+get, piece)
			for range 2 { // the second request has no header of its own
				if body, err := io.ReadAll(c.response().Body); err != nil || string(body[:len(client)]) != client {
					t.Errorf("%s in pieces of %d: HTTP hears %s, %v", name, piece, body, err)
				}
				c.write([]byte(get))
			}
		}
		c := connect(t, s)
		c.writeInPieces(header+wrong, 5)
		if r := c.response(); r.StatusCode != 400 {
			t.Errorf("%s: %s", name, r.Status)
		}
		host := "192.0.2.7"
		if header == proxyLocal {
			host = "127.0.0.1"
		}
		if got := await.Value(t, "who was turned away", away); !strings.HasPrefix(got, "malformed "+host) {
			t.Errorf("%s: told of %s", name, got)
		}
	}
}

// writeInPieces writes with pauses, so that the server reads piece by piece.
func (c *client) writeInPieces(text string, size int) {
	for len(text) > 0 {
		n := min(size, len(text))
		c.write([]byte(text[:n]))
		if text = text[n:]; text != "" {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// TestWrongProxyHeadersAreRefused with a reason of their own, which is counted.
func TestWrongProxyHeadersAreRefused(t *testing.T) {
	s, trusted, away := proxiedServer(t, Config{HandshakeTimeout: 300 * time.Millisecond})
	for _, row := range []struct {
		name, sent string
		trusted    bool
		status     int
		reason     RefusalReason
	}{
		{"none of a proxy", plainRequest, true, 400, RefusedProxyHeader},
		{"garbage", "\x16\x03\x01\x02\x00", true, 400, RefusedProxyHeader},
		{"malformed", "PROXY TCP4 1.2.3.4\r\n", true, 400, RefusedProxyHeader},
		{"a line without an end", "PROXY TCP4 " + strings.Repeat("1", 200), true, 400, RefusedProxyHeader},
		{"two", proxyLine + proxyLine + "\r\n", true, 400, RefusedMalformed},
		{"version 1 of a stranger", proxyLine + plainRequest, false, 400, RefusedProxyUntrusted},
		{"version 2 of a stranger", proxyBinary + plainRequest, false, 400, RefusedProxyUntrusted},
		{"half of one", proxyBinary[:20], true, 408, RefusedTimeout},
		{"half of a stranger's", proxyBinary[:7], false, 408, RefusedTimeout},
		{"a stranger without one", plainRequest, false, 101, 0},
	} {
		for _, piece := range []int{1 << 20, 3} {
			trusted.Store(row.trusted)
			before := s.Stats().Refused[row.reason]
			c := connect(t, s)
			c.writeInPieces(row.sent, piece)
			if r := c.response(); r.StatusCode != row.status {
				t.Errorf("%s in pieces of %d: %s", row.name, piece, r.Status)
			}
			if row.status == 101 {
				continue
			}
			await.Until(t, "counted", func() bool { return s.Stats().Refused[row.reason] == before+1 })
			if got := await.Value(t, "who was turned away", away); !strings.HasPrefix(got, row.reason.String()+" ") {
				t.Errorf("%s: told of %s", row.name, got)
			}
		}
	}
}

// TestAConnectionThatIsTakenBackKeepsItsClient: its header came once.
func TestAConnectionThatIsTakenBackKeepsItsClient(t *testing.T) {
	taken := make(chan net.Conn, 1)
	s, _, _ := proxiedServer(t, Config{HTTP: func(c net.Conn) { taken <- c }})
	c := connect(t, s)
	c.write([]byte(proxyBinary + "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"))
	given := await.Value(t, "the connection", taken)
	peer := given.(interface{ Peer() netip.AddrPort }).Peer().String()
	if given.RemoteAddr().String() != proxyClient || peer != c.conn.LocalAddr().String() {
		t.Errorf("the client is %v, the peer %s", given.RemoteAddr(), peer)
	}
	s.TakeBack(given, []byte(plainRequest))
	if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.Status)
	}
	c.expect(proxyClient + " " + proxyClient)
}

// TestClientsOfProxiesAreForgotten with their connections.
func TestClientsOfProxiesAreForgotten(t *testing.T) {
	s, _, _ := proxiedServer(t, Config{Loops: 1})
	for range 3 {
		c := connect(t, s)
		c.write([]byte(proxyLine + plainRequest))
		c.response()
		_ = c.conn.Close()
	}
	known := func() int {
		n := make(chan int, 1)
		s.Loops()[0].Post(func() { n <- len(s.Loops()[0].clients) })
		return await.Value(t, "the loop", n)
	}
	await.Until(t, "all are forgotten", func() bool { return known() == 0 })
}
