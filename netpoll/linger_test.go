package netpoll

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
)

// Clients that send all of a large body before they look at the answer find it.
func TestRefusalIsReadableBehindALargeBody(t *testing.T) {
	const body = 8 << 20
	s := start(t, Config{Handler: funcs{upgrade: func(*Request) (any, *Refusal) { return nil, &Refusal{Status: 403} }}})
	for name, test := range map[string]struct {
		head   string
		status int
	}{
		"malformed":         {"POST / HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n", 400},
		"header too long":   {"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 17<<10), 431},
		"handler's refusal": {plainRequest, 403},
		"not taken":         {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n", 426},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, s)
			c.write([]byte(test.head))
			c.write(make([]byte, body))
			if r := c.response(); r.StatusCode != test.status {
				t.Error(r.Status)
			}
			if err := c.conn.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same for a WebSocket whose message is refused at its header.
func TestCloseIsReadableBehindALargeMessage(t *testing.T) {
	const message = 8 << 20
	s := start(t, Config{Handler: funcs{}})
	c := dial(t, s)
	c.write(masked(ws.OpBinary, strings.Repeat("x", message)))
	op, payload, err := c.frame()
	if err != nil || op != ws.OpClose || payload[:2] != "\x03\xf1" {
		t.Errorf("%v %q, %v", op, payload, err)
	}
}

// Whoever sends on and on after the end is not listened to for long.
func TestEndlessSenderIsReset(t *testing.T) {
	s := start(t, Config{Handler: funcs{}, Loops: 1})
	for name, head := range map[string]string{
		"request line without end": "GET /" + strings.Repeat("x", 17<<10),
		"header without end":       "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 17<<10),
		"refused":                  "nonsense\r\n\r\n",
		"protocol violation":       plainRequest + "\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			before := s.Stats().BytesIn
			c := connect(t, s)
			c.write([]byte(head))
			if err := sendUntilItFails(c.conn); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Fatal(err)
			}
			await.Until(t, "closed", func() bool { return s.Stats().Sockets == 0 })
			if read := s.Stats().BytesIn - before; read > lingerBytesMax+1<<20 {
				t.Errorf("%d bytes were read of it", read)
			}
		})
	}
}

// sendUntilItFails writes without end and returns why it ended.
func sendUntilItFails(conn *net.TCPConn) error {
	_ = conn.SetWriteDeadline(time.Now().Add(await.Limit))
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for {
		if _, err := conn.Write(chunk); err != nil {
			return err
		}
	}
}
