package wire

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	headerBytesMax = 16 << 10
	acceptGUID     = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
)

// upgradeKey is the same for all connections: the key proves that the server
// understood the handshake, it is no secret.
var (
	upgradeKey    = base64.StdEncoding.EncodeToString([]byte("caravan-bench 16"))
	upgradeAccept = acceptOf(upgradeKey)
)

func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// StatusError is a handshake that the server answered with something other
// than 101.
type StatusError struct {
	Status     int
	RetryAfter string // the header's value; empty: none
	Body       string // its beginning
}

// Error tells the status and the beginning of the body.
func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the server answered the handshake with HTTP %d: %s", e.Status, e.Body))
}

// Credential is how a client shows its access token.
type Credential struct {
	Bearer      string // in a header; empty: not there
	Subprotocol string // beside the subprotocol caravan, as browsers do; empty: not there
}

// AppendUpgrade appends the request that opens a session. The target is path
// and query.
func AppendUpgrade(dst []byte, host, target string, by Credential) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	dst = append(dst, upgradeKey...)
	if by.Bearer != "" {
		dst = append(dst, "\r\nAuthorization: Bearer "...)
		dst = append(dst, by.Bearer...)
	}
	if by.Subprotocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: caravan, token."...)
		dst = append(dst, by.Subprotocol...)
	}
	return append(dst, "\r\nUser-Agent: caravan-bench\r\n\r\n"...)
}

// CheckUpgrade reads the server's answer off p and returns how many bytes it
// used; 0 and no error mean that p holds only a part of it. A refusal is a
// *StatusError.
func CheckUpgrade(p []byte) (int, error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		if len(p) > headerBytesMax {
			return 0, fmt.Errorf("the answer to the handshake has more than %d bytes of headers", headerBytesMax)
		}
		return 0, nil
	}
	line, rest, _ := strings.Cut(string(p[:end]), "\r\n")
	version, after, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(after, " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(version, "HTTP/1.1") {
		return 0, fmt.Errorf("the answer to the handshake is not HTTP/1.1: %.80q", line)
	}
	if status != 101 {
		return 0, &StatusError{
			Status:     status,
			RetryAfter: header(rest, "Retry-After"),
			Body:       fmt.Sprintf("%.200s", p[end+4:]),
		}
	}
	if got := header(rest, "Sec-WebSocket-Accept"); got != upgradeAccept {
		return 0, fmt.Errorf("the handshake has the wrong Sec-WebSocket-Accept %q", got)
	}
	if got := header(rest, "Sec-WebSocket-Extensions"); got != "" {
		return 0, fmt.Errorf("the server uses extensions that were not offered: %q", got)
	}
	return end + 4, nil
}

func header(block, name string) string {
	for line := range strings.SplitSeq(block, "\r\n") {
		key, value, found := strings.Cut(line, ":")
		if found && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
