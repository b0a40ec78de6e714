package handshake

import "testing"

// browser is a request as a browser sends it.
var browser = []byte("GET /ws/chat/6b1f7c1e-5d0f-5a4e-9a57-0d0d7c4bd1a2/?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl HTTP/1.1\r\n" +
	"Host: chat.example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: https://chat.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
	"\r\n")

func TestHandshakeDoesNotAllocate(t *testing.T) {
	var r Request
	dst := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { shake(t, &r, dst) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHandshake(b *testing.B) {
	var r Request
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		shake(b, &r, dst)
	}
}

func shake(t testing.TB, r *Request, dst []byte) {
	end := HeaderEnd(browser, 0)
	if kind, refusal := Parse(browser[:end], r); kind != WebSocket || refusal != nil {
		t.Fatal(kind, refusal)
	}
	AppendAccept(dst, r, "", true)
}
