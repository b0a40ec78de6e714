package floor

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

const (
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
	opText     = 0x1
	opClose    = 0x8
)

var (
	headEnd   = []byte("\r\n\r\n")
	getRoom   = []byte("GET /room/")
	keyHeader = []byte("Sec-WebSocket-Key: ") // as the generator writes it
)

// upgrade answers a handshake that is whole, and returns what came behind it.
func (s *server) upgrade(c *conn, p []byte) (rest []byte) {
	head, rest, whole := bytes.Cut(p, headEnd)
	if !whole {
		return p
	}
	_, key, hasKey := bytes.Cut(head, keyHeader)
	key, _, _ = bytes.Cut(key, headEnd[:2])
	name, isRoom := bytes.CutPrefix(head, getRoom)
	name, _, _ = bytes.Cut(name, []byte(" "))
	if !hasKey || !isRoom {
		_, _ = unix.Write(c.fd, []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) // its end follows
		s.end(c)
		return nil
	}
	sum := sha1.Sum(append(bytes.Clone(key), acceptGUID...))
	answer := append(make([]byte, 0, 160), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	answer = base64.StdEncoding.AppendEncode(answer, sum[:])
	s.join(c, string(name))
	s.write(c, append(answer, headEnd...))
	return rest
}

func (s *server) join(c *conn, name string) {
	r := s.rooms[name]
	if r == nil {
		r = &room{}
		s.rooms[name] = r
	}
	c.room, c.place = r, len(r.members)
	r.members = append(r.members, c)
}

// frame takes the first frame off p and returns how many bytes it used: zero where it
// is not whole, or the connection has ended. A text is said in the room; a close, or
// what no generator sends, ends the connection.
func (s *server) frame(c *conn, p []byte) (used int) {
	if len(p) < 2 {
		return 0
	}
	size, head := int(p[1]&0x7f), 2
	switch size {
	case 126:
		if len(p) < 4 {
			return 0
		}
		size, head = int(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		s.end(c)
		return 0
	}
	if p[0] != 0x80|opText || p[1]&0x80 == 0 {
		if p[0] == 0x80|opClose {
			s.write(c, []byte{0x80 | opClose, 0})
		}
		s.end(c)
		return 0
	}
	if len(p) < head+4+size {
		return 0
	}
	key := [4]byte(p[head:])
	payload := p[head+4 : head+4+size]
	r := c.room
	if len(r.said) == 0 {
		s.talking = append(s.talking, r)
	}
	r.said = appendText(r.said, payload, key)
	return head + 4 + size
}

// appendText appends a server's frame of a client's payload, whose mask it takes off.
func appendText(dst, payload []byte, key [4]byte) []byte {
	dst = append(dst, 0x80|opText)
	if len(payload) < 126 {
		dst = append(dst, byte(len(payload)))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(len(payload)))
	}
	at := len(dst)
	dst = append(dst, payload...)
	said := dst[at:]
	word := binary.LittleEndian.Uint32(key[:])
	mask := uint64(word)<<32 | uint64(word)
	for len(said) >= 8 {
		binary.LittleEndian.PutUint64(said, binary.LittleEndian.Uint64(said)^mask)
		said = said[8:]
	}
	for i := range said {
		said[i] ^= key[i&3]
	}
	return dst
}
