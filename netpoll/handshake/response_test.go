package handshake

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 2, 3, 13, 0, 0, 0, time.FixedZone("CET", 3600))

// The example of RFC 6455 section 1.3 and the form of section 4.2.2.
func TestRFC6455Section4_2_2_Accept(t *testing.T) {
	var r Request
	for extension, answer := range map[string]string{
		"permessage-deflate": "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
		"mystery":            "",
	} {
		if _, refusal := Parse([]byte(with("Sec-WebSocket-Extensions: "+extension)), &r); refusal != nil {
			t.Fatal(refusal)
		}
		const head = "before:HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		if got := string(AppendAccept([]byte("before:"), &r, "", true)); got != head+answer+"\r\n" {
			t.Errorf("%s: %q", extension, got)
		}
		if got := string(AppendAccept([]byte("before:"), &r, "caravan", true)); got != head+"Sec-WebSocket-Protocol: caravan\r\n"+answer+"\r\n" {
			t.Errorf("%s, with a subprotocol: %q", extension, got)
		}
		if got := string(AppendAccept([]byte("before:"), &r, "", false)); got != head+"\r\n" {
			t.Errorf("%s, without compression: %q", extension, got)
		}
	}
}

func TestRefusalIsACompleteResponse(t *testing.T) {
	for name, c := range map[string]struct {
		refusal Refusal
		body    string
		header  http.Header
	}{
		"400":         {*refuse(400, "why"), "why\n", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}},
		"no body":     {Refusal{Status: 404}, "Not Found\n", nil},
		"403 of JSON": {Refusal{Status: 403, ContentType: "application/json", Body: []byte("{}")}, "{}", http.Header{"Content-Type": {"application/json"}}},
		"405":         {Refusal{Status: 405}, "Method Not Allowed\n", http.Header{"Allow": {"GET"}}},
		"426":         {Refusal{Status: 426}, "Upgrade Required\n", http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Connection": {"close, Upgrade"}}},
		"503":         {Refusal{Status: 503, RetryAfter: 1500 * time.Millisecond}, "Service Unavailable\n", http.Header{"Retry-After": {"2"}}},
	} {
		b := c.refusal.Append([]byte("before:"), noon)
		in := bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("before:"))))
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != c.body || res.ContentLength != int64(len(c.body)) || in.Buffered() != 0 {
			t.Errorf("%s: body %q (%d), %v, %d bytes after it", name, body, res.ContentLength, err, in.Buffered())
		}
		// ReadResponse takes "close" out of Connection and into Close.
		if res.StatusCode != c.refusal.Status || !res.Close && !strings.HasPrefix(res.Header.Get("Connection"), "close") {
			t.Errorf("%s: status %d, %v", name, res.StatusCode, res.Header)
		}
		if got := res.Header.Get("Date"); got != "Tue, 03 Feb 2026 12:00:00 GMT" {
			t.Errorf("%s: Date %s", name, got)
		}
		for key, want := range c.header {
			if got := res.Header.Get(key); got != want[0] && !strings.HasPrefix(want[0], "close") {
				t.Errorf("%s: %s is %q", name, key, got)
			}
		}
	}
	if b := (&Refusal{Status: 426}).Append(nil, noon); !bytes.Contains(b, []byte("\r\nConnection: close, Upgrade\r\n")) {
		t.Errorf("%s", b)
	}
}

func TestRFC9110Section9_3_2_HeadGetsNoBody(t *testing.T) {
	for _, request := range []string{swap("GET", "HEAD /chat HTTP/1.1"), "HEAD / HTTP/1.1\r\n\r\n"} {
		var r Request
		_, refusal := Parse([]byte(request), &r)
		if refusal == nil {
			t.Fatalf("%q is accepted", request)
		}
		if b := refusal.Append(nil, noon); !bytes.HasSuffix(b, []byte("\r\n\r\n")) || bytes.Contains(b, []byte("Content-Length: 0")) {
			t.Errorf("%q", b)
		}
	}
}
