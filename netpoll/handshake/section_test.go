package handshake

import (
	"strings"
	"testing"
)

// request is one case: what a client sends and what comes of it.
type request struct{ name, bytes, want string }

// check judges each case whole and byte by byte.
func check(t *testing.T, cases []request) {
	t.Helper()
	for _, c := range cases {
		for _, piece := range []int{len(c.bytes), 1, 7} {
			if got, _ := outcome(c.bytes, max(piece, 1)); got != c.want {
				t.Errorf("%s, in pieces of %d: %s, want %s", c.name, piece, got, c.want)
			}
		}
	}
}

func TestRFC6455Section4_2_1_Request(t *testing.T) {
	check(t, []request{
		{"the sample", sample, "WebSocket"},
		// 1. GET, HTTP/1.1 or higher, a resource name or an absolute URI.
		{"POST", swap("GET", "POST /chat HTTP/1.1"), "405"},
		{"HEAD", swap("GET", "HEAD /chat HTTP/1.1"), "405"},
		{"get", swap("GET", "get /chat HTTP/1.1"), "405"},
		{"HTTP/1.0", swap("GET", "GET /chat HTTP/1.0"), "400"},
		{"HTTP/1.2", swap("GET", "GET /chat HTTP/1.2"), "WebSocket"},
		{"HTTP/2.0", swap("GET", "GET /chat HTTP/2.0"), "505"},
		{"HTTP/0.9", swap("GET", "GET /chat HTTP/0.9"), "505"},
		{"absolute URI", swap("GET", "GET http://server.example.com/chat HTTP/1.1"), "WebSocket"},
		{"absolute https URI without path", swap("GET", "GET HTTPS://server.example.com?x HTTP/1.1"), "WebSocket"},
		{"another scheme", swap("GET", "GET ftp://server.example.com/chat HTTP/1.1"), "400"},
		{"absolute URI without host", swap("GET", "GET http:///chat HTTP/1.1"), "400"},
		{"absolute URI with a user", swap("GET", "GET http://me@server/chat HTTP/1.1"), "400"},
		{"asterisk", swap("GET", "GET * HTTP/1.1"), "400"},
		{"authority", swap("GET", "GET server:80 HTTP/1.1"), "400"},
		{"fragment (section 3)", swap("GET", "GET /chat#top HTTP/1.1"), "400"},
		// 2. Host.
		{"no Host", swap("Host", ""), "400"},
		{"empty Host", swap("Host", "Host:"), "400"},
		{"two Hosts", with("Host: server.example.com"), "400"},
		{"Host with a port", swap("Host", "Host: server.example.com:8000"), "WebSocket"},
		{"Host with an address", swap("Host", "Host: [2001:db8::1]:8000"), "WebSocket"},
		// 3. Upgrade.
		{"no Upgrade, no key", strings.Replace(swap("Upgrade", ""), "Sec-WebSocket-Key", "X-Key", 1), "HTTP"},
		{"no Upgrade, but a key", swap("Upgrade", ""), "400"},
		{"Upgrade to something else", swap("Upgrade", "Upgrade: h2c"), "400"},
		{"Upgrade in any case", swap("Upgrade", "uPGRADE: WebSocket"), "WebSocket"},
		{"Upgrade as a list", swap("Upgrade", "Upgrade: h2c, websocket"), "WebSocket"},
		{"Upgrade as a list, first", swap("Upgrade", "Upgrade: WEBSOCKET ,\tfoo/1"), "WebSocket"},
		{"Upgrade in two fields", swap("Upgrade", "Upgrade: h2c\r\nUpgrade: websocket"), "WebSocket"},
		{"Upgrade to a longer word", swap("Upgrade", "Upgrade: websockets"), "400"},
		{"Upgrade with a version", swap("Upgrade", "Upgrade: websocket/13"), "400"},
		// 4. Connection.
		{"no Connection", swap("Connection", ""), "400"},
		{"Connection: keep-alive", swap("Connection", "Connection: keep-alive"), "400"},
		{"Connection as a list", swap("Connection", "Connection: keep-alive, Upgrade"), "WebSocket"},
		{"Connection in any case", swap("Connection", "connection: UPGRADE"), "WebSocket"},
		{"Connection in two fields", swap("Connection", "Connection: upgrade\r\nConnection: keep-alive"), "WebSocket"},
		{"Connection with empty elements", swap("Connection", "Connection: , ,upgrade,"), "WebSocket"},
		// 5. Key: base64 of 16 bytes, once.
		{"no key", swap("Sec-WebSocket-Key", ""), "400"},
		{"empty key", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key:"), "400"},
		{"key of 15 bytes", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), "400"},
		{"key of 17 bytes", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), "400"},
		{"key of 18 bytes", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), "400"},
		{"key without padding", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), "400"},
		{"key with padding in the middle", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNh==BsZSBub25jZQ=="), "400"},
		{"key not in base64", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!!=="), "400"},
		{"key in base64url", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: __8AAAAAAAAAAAAAAAAAAA=="), "400"},
		{"key of 16 characters", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key: 0123456789abcdef"), "400"},
		{"key with space around", swap("Sec-WebSocket-Key", "Sec-WebSocket-Key:\t dGhlIHNhbXBsZSBub25jZQ== \t"), "WebSocket"},
		{"two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "400"},
		// 6. and section 4.4. Version.
		{"no version", swap("Sec-WebSocket-Version", ""), "426"},
		{"version 12", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 12"), "426"},
		{"version 14", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 14"), "426"},
		{"version 8", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), "426"},
		{"version 013", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013"), "426"},
		{"version in a list", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"), "426"},
		{"empty version", swap("Sec-WebSocket-Version", "Sec-WebSocket-Version:"), "426"},
		{"two versions", with("Sec-WebSocket-Version: 13"), "400"},
		// 7. Origin; RFC 9110 section 5.3: it is no list.
		{"no Origin", swap("Origin", ""), "WebSocket"},
		{"two Origins", with("Origin: http://example.org"), "400"},
		{"an empty Origin (RFC 6454 section 7.1)", swap("Origin", "Origin: "), "400"},
		{"null Origin", swap("Origin", "Origin: null"), "WebSocket"},
		{"an empty Origin and another", swap("Origin", "Origin:\r\nOrigin: http://example.org"), "400"},
		{"two tokens", with("Authorization: Bearer a", "Authorization: Bearer b"), "400"},
		// 9. Extensions.
		{"extension", with("Sec-WebSocket-Extensions: permessage-deflate"), "WebSocket"},
		{"malformed extension", with("Sec-WebSocket-Extensions: permessage-deflate;;"), "400"},
		{"no extension in the field", with("Sec-WebSocket-Extensions:"), "WebSocket"},
		{"no extension in a list", with("Sec-WebSocket-Extensions: , ,"), "WebSocket"},
		{"no extension, then a malformed one", with("Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: ;"), "400"},
		{"unacceptable extension", with("Sec-WebSocket-Extensions: permessage-deflate; mystery=1"), "WebSocket"},
		// 8. Subprotocols.
		{"subprotocols", with("Sec-WebSocket-Protocol: caravan, token.a"), "WebSocket"},
		{"no subprotocol in the field", with("Sec-WebSocket-Protocol:"), "WebSocket"},
		{"no subprotocol in a list", with("Sec-WebSocket-Protocol: , ,a"), "WebSocket"},
		{"a subprotocol that is no token", with("Sec-WebSocket-Protocol: a, b c"), "400"},
		{"one that is none in a further field", with("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b=c"), "400"},
		// 10. Other fields are passed over.
		{"empty subprotocol", with("Sec-WebSocket-Protocol:"), "WebSocket"},
		{"fields that intermediaries add", with("Via: 1.1 proxy", "X-Forwarded-For: 192.0.2.1, 192.0.2.2", "Forwarded: for=192.0.2.1", "Keep-Alive:",
			"Proxy-Connection: keep-alive", "TE: trailers", "Expect: 100-continue", "Content-Type:", "Accept-Encoding: identity"), "WebSocket"},
		{"others", with("Cookie: a=b", "X-Empty:", "Accept-Language: \xC3\xA9"), "WebSocket"},
		// No body.
		{"Content-Length", with("Content-Length: 5"), "400"},
		{"Content-Length of zero", with("Content-Length: 0"), "WebSocket"},
		{"Content-Length of zeros", with("Content-Length: 00"), "WebSocket"},
		{"Content-Length of zero twice", with("Content-Length: 0", "Content-Length: 0"), "WebSocket"},
		{"Content-Length of zero and of one", with("Content-Length: 0", "Content-Length: 1"), "400"},
		{"Content-Length of one and of zero", with("Content-Length: 1", "Content-Length: 0"), "400"},
		{"Content-Length as a list", with("Content-Length: 0, 0"), "400"},
		{"Content-Length with a sign", with("Content-Length: -0"), "400"},
		{"Content-Length in hexadecimal", with("Content-Length: 0x0"), "400"},
		{"empty Content-Length", with("Content-Length:"), "400"},
		{"Transfer-Encoding", with("Transfer-Encoding: chunked"), "400"},
		{"Transfer-Encoding: identity", with("Transfer-Encoding: identity"), "400"},
		{"empty Transfer-Encoding", with("Transfer-Encoding:"), "400"},
		{"Transfer-Encoding and Content-Length of zero", with("Transfer-Encoding: chunked", "Content-Length: 0"), "400"},
	})
}

func TestRFC9112Syntax(t *testing.T) {
	plain := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	check(t, []request{
		// Section 2.2.
		{"bare LF everywhere", strings.ReplaceAll(sample, "\r\n", "\n"), "400"},
		{"bare LF after the request line", strings.Replace(sample, "\r\n", "\n", 1), "400"},
		{"bare LF at the end", strings.TrimSuffix(sample, "\r\n") + "\n", "400"},
		{"bare LF in plain HTTP", "GET / HTTP/1.1\nHost: h\n\n", "400"},
		{"bare CR", swap("Origin", "Origin: a\rb"), "400"},
		{"CR CR LF", swap("Origin", "Origin: a\r"), "400"},
		{"NUL in a value", swap("Origin", "Origin: a\x00b"), "400"},
		{"NUL in the target", swap("GET", "GET /a\x00b HTTP/1.1"), "400"},
		{"NUL in a name", with("X-\x00: b"), "400"},
		{"NUL at once", "\x00", "400"},
		{"DEL in a value", swap("Origin", "Origin: a\x7Fb"), "400"},
		{"escape in a value", swap("Origin", "Origin: a\x1Bb"), "400"},
		{"TLS instead of HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01", "400"},
		{"one empty line before", "\r\n" + sample, "WebSocket"},
		{"two empty lines before", "\r\n\r\n" + sample, "400"},
		{"whitespace before the request line", " " + sample, "400"},
		{"whitespace before the first field", strings.Replace(sample, "Host:", " Host:", 1), "400"},
		// Section 3.
		{"two spaces", swap("GET", "GET  /chat HTTP/1.1"), "400"},
		{"a tab", swap("GET", "GET\t/chat HTTP/1.1"), "400"},
		{"a space at the end", swap("GET", "GET /chat HTTP/1.1 "), "400"},
		{"a space in the target", swap("GET", "GET /ch at HTTP/1.1"), "400"},
		{"no version", swap("GET", "GET /chat"), "400"},
		{"no target", swap("GET", "GET HTTP/1.1"), "400"},
		{"only a method", swap("GET", "GET"), "400"},
		{"a method that is no token", swap("GET", "G(T /chat HTTP/1.1"), "400"},
		{"bytes beyond ASCII in the target", swap("GET", "GET /ch\xC3\xA4t HTTP/1.1"), "400"},
		// Section 2.3.
		{"http/1.1", swap("GET", "GET /chat http/1.1"), "400"},
		{"HTTP/1", swap("GET", "GET /chat HTTP/1"), "400"},
		{"HTTP/1.10", swap("GET", "GET /chat HTTP/1.10"), "400"},
		{"HTTP/x.1", swap("GET", "GET /chat HTTP/x.1"), "400"},
		{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
		// Section 3.2.
		{"plain, no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
		{"plain, two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n", "400"},
		{"plain, malformed Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
		{"Host with a user", swap("Host", "Host: me@server"), "400"},
		{"Host with a space", swap("Host", "Host: a b"), "400"},
		{"Host with a port that is no number", swap("Host", "Host: server:http"), "400"},
		{"Host of two ports", swap("Host", "Host: server:1:2"), "400"},
		{"Host, only a port", swap("Host", "Host: :80"), "400"},
		{"Host, address not closed", swap("Host", "Host: [::1"), "400"},
		{"Host, empty address", swap("Host", "Host: []"), "400"},
		{"Host, something after the address", swap("Host", "Host: [::1]x"), "400"},
		{"Host, no address in it", swap("Host", "Host: [::1/]"), "400"},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "HTTP"},
		// Section 5.
		{"no colon", with("Nonsense"), "400"},
		{"empty name", with(": x"), "400"},
		{"space before the colon", with("X-Test : x"), "400"},
		{"a name that is no token", with("X Test: x"), "400"},
		{"a name beyond ASCII", with("X-\xC3\xA4: x"), "400"},
		{"no space after the colon", with("X-Test:x"), "WebSocket"},
		{"obs-fold with a space (5.2)", with("X-Test: a", " b"), "400"},
		{"obs-fold with a tab (5.2)", with("X-Test: a", "\tb"), "400"},
		{"a line of spaces", with("   "), "400"},
		// Not ours to judge.
		{"plain", plain, "HTTP"},
		{"plain POST with a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", "HTTP"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP"},
		{"GET *", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
		{"a target without a slash", "GET api HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
		{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "400"},
		{"upgrade to HTTP/2", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n", "HTTP"},
		{"plain with an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "HTTP"},
		// Not complete.
		{"nothing", "", "waiting"},
		{"all but the last byte", sample[:len(sample)-1], "waiting"},
		{"all but the empty line", sample[:len(sample)-2], "waiting"},
		{"only CR", "\r", "waiting"},
	})
}

// TestRFC9112Section6_Framing: where a body ends must be told once and clearly, or a
// proxy and this server may find different requests in the same bytes.
func TestRFC9112Section6_Framing(t *testing.T) {
	post := func(fields ...string) string {
		return "POST / HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	}
	check(t, []request{
		{"a length", post("Content-Length: 5"), "HTTP"},
		{"leading zeros", post("Content-Length: 005"), "HTTP"},
		{"two lengths", post("Content-Length: 5", "Content-Length: 6"), "400"},
		{"the same length twice", post("Content-Length: 5", "content-length: 5"), "400"},
		{"zero twice", post("Content-Length: 0", "Content-Length: 00"), "HTTP"},
		{"a list of lengths", post("Content-Length: 5, 5"), "400"},
		{"a sign", post("Content-Length: +5"), "400"},
		{"a negative length", post("Content-Length: -1"), "400"},
		{"hexadecimal", post("Content-Length: 0x5"), "400"},
		{"a space within", post("Content-Length: 1 0"), "400"},
		{"no digits", post("Content-Length:"), "400"},
		{"more digits than any body has", post("Content-Length: " + strings.Repeat("9", 19)), "400"},
		{"as many digits as a body may have", post("Content-Length: " + strings.Repeat("9", 18)), "HTTP"},
		{"chunked", post("Transfer-Encoding: chunked"), "HTTP"},
		{"Chunked", post("Transfer-Encoding: \tChunked "), "HTTP"},
		{"chunked and a length", post("Transfer-Encoding: chunked", "Content-Length: 5"), "400"},
		{"a length and chunked", post("Content-Length: 0", "Transfer-Encoding: chunked"), "400"},
		{"chunked twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), "400"},
		{"chunked twice in a list", post("Transfer-Encoding: chunked, chunked"), "400"},
		{"gzip, chunked", post("Transfer-Encoding: gzip, chunked"), "400"},
		{"chunked, identity", post("Transfer-Encoding: chunked, identity"), "400"},
		{"identity", post("Transfer-Encoding: identity"), "400"},
		{"xchunked", post("Transfer-Encoding: xchunked"), "400"},
		{"chunked in quotes", post(`Transfer-Encoding: "chunked"`), "400"},
		{"chunked with a parameter", post("Transfer-Encoding: chunked;q=1"), "400"},
		{"no coding", post("Transfer-Encoding:"), "400"},
		{"space before the colon", post("Transfer-Encoding : chunked"), "400"},
		{"a vertical tab", post("Transfer-Encoding: \x0bchunked"), "400"},
		{"chunked of HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
		{"two Origins", post("Origin: http://a", "Origin: http://a"), "400"},
		{"two tokens", post("Authorization: Bearer a", "Authorization: Bearer b"), "400"},
	})
	for fields, want := range map[string]Request{
		"Content-Length: 005":                         {Length: 5},
		"Content-Length: 999999999999999999":          {Length: 999999999999999999},
		"Transfer-Encoding: chunked":                  {Chunked: true},
		"Connection: x, Close":                        {Last: true},
		"Connection: keep-alive\r\nConnection: close": {Last: true},
		"Connection: closed":                          {},
	} {
		var r Request
		if _, refusal := Parse([]byte(post(fields)), &r); refusal != nil {
			t.Errorf("%s: %d", fields, refusal.Status)
		}
		if r.Length != want.Length || r.Chunked != want.Chunked || r.Last != want.Last {
			t.Errorf("%s: length %d, chunked %v, last %v", fields, r.Length, r.Chunked, r.Last)
		}
	}
	for head, last := range map[string]bool{
		"GET / HTTP/1.0\r\n\r\n": true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n": false,
		"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n": true,
	} {
		var r Request
		if _, refusal := Parse([]byte(head), &r); refusal != nil || r.Last != last {
			t.Errorf("%q: last %v, %v", head, r.Last, refusal)
		}
	}
}

func TestRFC9110Section10_1_1_Expect(t *testing.T) {
	for head, want := range map[string]struct{ waits, ok bool }{
		"POST / HTTP/1.1\r\nHost: h\r\n\r\n":                         {false, true},
		"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n": {true, true},
		"POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n":       {false, false},
		"POST / HTTP/1.1\r\nHost: h\r\nExpect:\r\n\r\n":              {false, true},
		"POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n":            {false, true},
	} {
		var r Request
		if _, refusal := Parse([]byte(head), &r); refusal != nil {
			t.Fatalf("%q: %d", head, refusal.Status)
		}
		if waits, ok := r.Continue(); waits != want.waits || ok != want.ok {
			t.Errorf("%q: waits %v, ok %v", head, waits, ok)
		}
	}
}

func TestHeaderIsLimited(t *testing.T) {
	filled := func(n int) string {
		b := with("X-Fill: ")
		return with("X-Fill: " + strings.Repeat("x", n-len(b)))
	}
	check(t, []request{
		{"exactly", filled(HeaderBytesMax), "WebSocket"},
		{"one more", filled(HeaderBytesMax + 1), "431"},
		{"much more", filled(10 * HeaderBytesMax), "431"},
		{"one line without end", "GET /" + strings.Repeat("a", 2*HeaderBytesMax), "431"},
		{"full but not ended", "GET /" + strings.Repeat("a", HeaderBytesMax-5), "waiting"},
		{"many small fields", "GET / HTTP/1.1\r\n" + strings.Repeat("a:\r\n", HeaderBytesMax/4), "431"},
	})
}

func TestBytesAfterTheHeaderAreNotTouched(t *testing.T) {
	for _, rest := range []string{"\x81\x85", "GET / HTTP/1.1\r\n\r\n", "\x00\n", strings.Repeat("\r\n", 20_000)} {
		if end := HeaderEnd([]byte(sample+rest), 0); end != len(sample) {
			t.Errorf("the header ends at %d, not %d", end, len(sample))
		}
	}
}
