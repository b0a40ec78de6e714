package handshake

import (
	"strings"
	"testing"
	"time"
)

// FuzzParse compares the handshake with the model, the bytes cut in pieces of any
// size.
func FuzzParse(f *testing.F) {
	for _, b := range []string{
		sample,
		with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, foo; a=\"b\\c\""),
		with("Sec-WebSocket-Extensions: ,"),
		with("Sec-WebSocket-Protocol: caravan, token.a.b-c_d"), with("Sec-WebSocket-Protocol: ,caravan", "sec-websocket-protocol: token."), with("Sec-WebSocket-Protocol: a b"), with("Sec-WebSocket-Protocol: \xff"), with("Sec-WebSocket-Protocol:"),
		with("Content-Length: 0"), with("Content-Length: 00", "Content-Length: 1"), with("Transfer-Encoding: chunked"),
		with("Origin: b"), with("Authorization: a", "Authorization: b"), with("X: a", " b"), with("Host: b"),
		swap("GET", "GET http://a:1/b?c HTTP/1.1"), swap("GET", "GET * HTTP/1.1"), swap("GET", "POST /chat HTTP/1.0"),
		swap("GET", "GET /chat HTTP/2.0"), swap("GET", "GET /a#b HTTP/1.1"), swap("GET", "GET  /a HTTP/1.1"),
		swap("Host", ""), swap("Host", "Host:"), swap("Host", "Host: [::1]:80"), swap("Host", "Host: a:b"),
		swap("Upgrade", ""), swap("Upgrade", "Upgrade: h2c, WebSocket"), swap("Connection", "Connection: keep-alive, Upgrade"),
		swap("Connection", ""), swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), swap("Sec-WebSocket-Version", ""),
		swap("Sec-WebSocket-Key", ""), swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAA"),
		strings.ReplaceAll(sample, "\r\n", "\n"), swap("Origin", "Origin: a\rb"), swap("Origin", "Origin: \x00"),
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 05\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
		"\r\n" + sample, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01",
	} {
		f.Add([]byte(b), uint8(1))
		f.Add([]byte(b), uint8(13))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		if len(b) > HeaderBytesMax/2 {
			return // the limit has its own test, and long inputs teach nothing
		}
		want := model(string(b))
		for _, piece := range []int{len(b) + 1, int(piece) + 1} {
			got, r := outcome(string(b), piece)
			if got != want {
				t.Fatalf("in pieces of %d: %s, the model says %s", piece, got, want)
			}
			if r == nil {
				continue
			}
			if r.Header("Host") == nil && !r.old {
				t.Fatal("no Host")
			}
			if got == "WebSocket" {
				checkAnswers(t, r)
			}
		}
	})
}

// checkAnswers accepts a request with each subprotocol that it offers, and with none.
func checkAnswers(t *testing.T, r *Request) {
	t.Helper()
	offered := []string{""}
	for p := range r.Protocols() {
		if offered = append(offered, string(p)); !wholeToken.Match(p) {
			t.Fatalf("offered: %q", p)
		}
	}
	for _, protocol := range offered {
		answer := string(AppendAccept(nil, r, protocol, true))
		_, after, chosen := strings.Cut(answer, "\r\nSec-WebSocket-Protocol: ")
		if !strings.HasSuffix(answer, "\r\n\r\n") || chosen != (protocol != "") || chosen && !strings.HasPrefix(after, protocol+"\r\n") {
			t.Fatalf("%q is chosen by %q", protocol, answer)
		}
	}
}

// FuzzParseBlock gives Parse what HeaderEnd would not: it must refuse, not fail.
func FuzzParseBlock(f *testing.F) {
	for _, b := range []string{sample, sample + "x", sample[:50], "", "\r\n", "\n", "GET / HTTP/1.1\r\n\r\nHost: h\r\n\r\n"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Request
		kind, refusal := Parse(b, &r)
		if refusal != nil {
			refusal.Append(nil, time.Unix(0, 0))
			return
		}
		r.Header("Nothing")
		if kind == WebSocket && !strings.HasSuffix(string(b), "\r\n\r\n") {
			t.Fatalf("accepted %q", b)
		}
	})
}
