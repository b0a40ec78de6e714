package rest_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
)

// script is a connection whose client sends its bytes in pieces and then is gone.
type script struct {
	rest  []byte
	piece int
	out   bytes.Buffer
	ended chan struct{}
	close func() // of ended, once: a server that closes may do it together with the connection's goroutine
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(s.piece, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { s.close(); return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// play has a server answer what comes in pieces, and returns the answers.
func play(t *testing.T, n *rest.Server, sent []byte, piece int) []*http.Response {
	t.Helper()
	s := &script{rest: bytes.Clone(sent), piece: piece, ended: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.ended) })
	n.Hand(s)
	<-s.ended
	var answers []*http.Response
	for in := bufio.NewReader(&s.out); ; {
		if _, err := in.Peek(1); err == io.EOF {
			return answers
		}
		method := http.MethodGet
		if bytes.HasPrefix(bytes.TrimPrefix(sent, []byte("\r\n")), []byte("HEAD ")) {
			method = http.MethodHead
		}
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("answer %d cannot be read: %v", len(answers), err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatalf("answer %d: %v", len(answers), err)
		}
		if res.StatusCode != http.StatusContinue {
			answers = append(answers, res)
		}
	}
}

// FuzzRequests sends the same bytes whole and cut in pieces of any size. The answers are
// the same; only that a body which nobody wants and which has not come yet ends the
// connection. After a Connection: close nothing is answered.
func FuzzRequests(f *testing.F) {
	post := postHead("amina", jsonFields+"Content-Length: 2\r\n") + "{}"
	for _, odd := range oddRequests {
		f.Add([]byte(odd.head+goodGet), uint8(3))
		f.Add([]byte(goodGet+odd.head+goodGet), uint8(1))
	}
	for _, sent := range []string{
		goodGet + post + goodGet, post + post, strangerGet + "\r\n" + goodGet,
		postHead("amina", jsonFields+"Transfer-Encoding: chunked\r\n") + "1;a\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n" + goodGet,
		postHead("amina", jsonFields+"Transfer-Encoding: chunked\r\n") + "1\r\n{}\r\n0\r\n\r\n" + goodGet,
		postHead("nonsense", jsonFields+"Content-Length: 2\r\n") + "{}" + goodGet,
		postHead("amina", jsonFields+"Content-Length: 2\r\nExpect: 100-continue\r\n") + "{}" + goodGet,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + goodGet, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + goodGet,
		"GET /ws/chat/x/ HTTP/1.1\r\nHost: x\r\n\r\n" + goodGet,
		"DELETE /api/v1/chat/messages/x/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nContent-Length: 2\r\n\r\n{}" + goodGet,
		"PUT /api/v1/chat/messages/x/pin/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n" + goodGet,
		"PUT /api/v1/chat/messages/x/reactions/%F0%9F%91%8D/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n" + goodGet,
		"GET /api/v1/chat/messages/x/readers/?limit=1&after=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n" + goodGet,
		"DELETE http://x/api/v1/chat/messages/x/reactions/%2e%2e%2f%zz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + goodGet,
		"GET /api/v1/chat/messages/x/reactions/?emoji=%F0%9F%91%8D&after=1.2.3 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n" + goodGet,
		"GET /api/v1/chat/rooms/x/pins/?cursor=1. HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n\r\n" + goodGet,
	} {
		f.Add([]byte(sent), uint8(0))
		f.Add([]byte(sent), uint8(6))
	}
	cfg := rest.Config{Chat: newChat(1), Limits: rest.DefaultLimits(64), Log: slog.New(slog.DiscardHandler)}
	cfg.Limits.BodyBytes = 4096
	n := rest.New(cfg)
	f.Cleanup(n.Close)
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		if bytes.Contains(sent, []byte("HEAD ")) && strings.Count(string(sent), "HTTP/1") > 1 || bytes.Contains(sent, []byte("wait")) {
			return // answers to several kinds at once cannot be told apart, and a poll takes its time
		}
		whole := play(t, n, sent, len(sent)+1)
		cut := play(t, n, sent, int(piece)+1)
		if len(cut) > len(whole) || len(cut) < len(whole) && (len(cut) == 0 || !cut[len(cut)-1].Close) {
			t.Fatalf("%d answers where it comes whole, %d in pieces of %d", len(whole), len(cut), int(piece)+1)
		}
		for i, a := range cut {
			if a.StatusCode != whole[i].StatusCode {
				t.Fatalf("answer %d: %s where it comes whole, %s in pieces", i, whole[i].Status, a.Status)
			}
		}
		for i, a := range whole {
			if a.Close && i < len(whole)-1 {
				t.Fatalf("answer %d closes the connection, and another one follows", i)
			}
			if a.StatusCode == http.StatusInternalServerError {
				t.Fatalf("answer %d: %s", i, a.Status)
			}
		}
		if st := n.Stats(); st.BodyBytesNow != 0 || st.RequestsNow != 0 || st.ConnectionsNow > 2 || st.Panics != 0 {
			t.Fatalf("%+v", st)
		}
	})
}
