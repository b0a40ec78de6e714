package handshake

import "strings"

// sample is the request of RFC 6455 section 1.2.
const sample = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// with is sample with lines put in before the empty one.
func with(lines ...string) string {
	return strings.TrimSuffix(sample, "\r\n") + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// swap is sample with the line that begins with old replaced; "" takes it out.
func swap(old, line string) string {
	begin := strings.Index(sample, "\r\n"+old) + 2
	if strings.HasPrefix(sample, old) {
		begin = 0
	}
	end := begin + strings.Index(sample[begin:], "\r\n") + 2
	if line != "" {
		line += "\r\n"
	}
	return sample[:begin] + line + sample[end:]
}

// outcome feeds b in pieces, as an owner of a connection does, and returns what it
// came to: "waiting", "HTTP", "WebSocket", or the status of a refusal.
func outcome(b string, piece int) (string, *Request) {
	seen := 0
	for n := min(piece, len(b)); ; n = min(n+piece, len(b)) {
		buf := []byte(b[:n])
		end := HeaderEnd(buf, seen)
		if end < 0 {
			if seen = n; n == len(b) {
				return "waiting", nil
			}
			continue
		}
		r := new(Request)
		kind, refusal := Parse(buf[:end], r)
		switch {
		case refusal != nil:
			return statusWord(refusal.Status), nil
		case kind == HTTP:
			return "HTTP", r
		}
		return "WebSocket", r
	}
}

func statusWord(status int) string {
	return string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
}
