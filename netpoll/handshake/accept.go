package handshake

import (
	"crypto/sha1"
	"encoding/base64"
)

// acceptGUID is what RFC 6455 section 1.3 joins to the key.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// AppendAccept appends the response that completes the handshake of a request
// of Kind WebSocket. protocol is the subprotocol that was chosen of those that the client
// offers, empty: none. With compress the answer takes up r.Deflate, where the
// client made an acceptable offer.
func AppendAccept(dst []byte, r *Request, protocol string, compress bool) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	var joined [keyBytes + len(acceptGUID)]byte
	copy(joined[copy(joined[:], r.Key):], acceptGUID)
	sum := sha1.Sum(joined[:])
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if protocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, protocol...)
	}
	if compress && r.Deflate.Agreed() {
		dst = append(dst, "\r\nSec-WebSocket-Extensions: "...)
		dst = r.Deflate.AppendResponse(dst)
	}
	return append(dst, "\r\n\r\n"...)
}
