package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"
)

// CloseError is the end of a session by the server's close frame.
type CloseError struct {
	Code   uint16
	Reason string
}

// Error tells the status and the reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("the server closed with %d %s", e.Code, e.Reason)
}

// Endpoint is where a server's WebSockets are.
type Endpoint struct {
	Address string // host:port to dial
	Host    string // for the Host header
	Prefix  string // path before /ws/chat/, without a slash at its end
}

// ParseEndpoint reads a base URL such as ws://127.0.0.1:8000. http:// means the
// same; TLS is not spoken, because a harness that encrypts measures itself.
func ParseEndpoint(base string) (Endpoint, error) {
	u, err := url.Parse(base)
	if err != nil {
		return Endpoint{}, fmt.Errorf("url %q: %w", base, err)
	}
	switch u.Scheme {
	case "ws", "http":
	case "wss", "https":
		return Endpoint{}, fmt.Errorf("url %q: TLS is not supported; point it at the server itself, not at its proxy", base)
	default:
		return Endpoint{}, fmt.Errorf("url %q: must begin with ws://", base)
	}
	if u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return Endpoint{}, fmt.Errorf("url %q: must be ws://host:port", base)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	prefix := u.EscapedPath()
	for len(prefix) > 0 && prefix[len(prefix)-1] == '/' {
		prefix = prefix[:len(prefix)-1]
	}
	return Endpoint{Address: net.JoinHostPort(u.Hostname(), port), Host: u.Host, Prefix: prefix}, nil
}

// Client is one session over a blocking socket, for harnesses that need few.
// Read and Write may be called from different goroutines, each from one at a
// time; Abort from any.
type Client struct {
	nc      net.Conn
	buf     []byte // what was read and not yet used
	partial []byte // fragments of a message
	max     int
	key     [4]byte
}

// Dial opens a session: it connects, shakes hands, and returns before the first
// frame. It honours ctx until then. A refusal by HTTP is a *StatusError.
func Dial(ctx context.Context, e Endpoint, target string, by Credential, key [4]byte, messageBytesMax int) (*Client, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", e.Address)
	if err != nil {
		return nil, err
	}
	c := &Client{nc: nc, max: messageBytesMax, key: key}
	stop := context.AfterFunc(ctx, c.Abort)
	err = c.shakeHands(e, target, by)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close() // the handshake's error says more
		return nil, err
	}
	return c, nil
}

func (c *Client) shakeHands(e Endpoint, target string, by Credential) error {
	if _, err := c.nc.Write(AppendUpgrade(nil, e.Host, e.Prefix+target, by)); err != nil {
		return err
	}
	for {
		if err := c.fill(); err != nil {
			return err
		}
		n, err := CheckUpgrade(c.buf)
		if err != nil {
			return err
		}
		if n > 0 {
			c.buf = c.buf[n:]
			return nil
		}
	}
}

// Read returns the next text message, valid until the next call; it answers
// pings by itself. The end by a close frame is a *CloseError.
func (c *Client) Read() ([]byte, error) {
	c.partial = c.partial[:0]
	for {
		f, n, err := Split(c.buf, c.max)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if err := c.fill(); err != nil {
				return nil, err
			}
			continue
		}
		c.buf = c.buf[n:]
		switch f.Op {
		case OpPing:
			if err := c.write(OpPong, f.Payload); errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, err
			} // where the server is gone, what it said before is still to be read
		case OpPong:
		case OpClose:
			code := CloseCode(f.Payload)
			_ = c.write(OpClose, f.Payload[:min(len(f.Payload), 2)]) // the session has ended either way
			return nil, &CloseError{Code: code, Reason: string(f.Payload[min(len(f.Payload), 2):])}
		case OpText, OpContinuation:
			if f.Fin && len(c.partial) == 0 {
				return f.Payload, nil
			}
			if len(c.partial)+len(f.Payload) > c.max {
				return nil, ErrPayloadTooLong
			}
			c.partial = append(c.partial, f.Payload...)
			if f.Fin {
				return c.partial, nil
			}
		default:
			return nil, errors.New("a binary message from the server")
		}
	}
}

// fill reads more bytes behind those that wait.
func (c *Client) fill() error {
	const readBytes = 16 << 10
	if cap(c.buf)-len(c.buf) < readBytes {
		grown := make([]byte, len(c.buf), 2*len(c.buf)+2*readBytes)
		copy(grown, c.buf)
		c.buf = grown
	}
	n, err := c.nc.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// Write sends text messages in one write. It fails when the server took nothing
// for ten seconds; the session is useless then.
func (c *Client) Write(texts ...[]byte) error {
	var out []byte
	for _, t := range texts {
		out = AppendFrame(out, OpText, c.key, t)
	}
	return c.send(out)
}

func (c *Client) write(op Op, payload []byte) error {
	return c.send(AppendFrame(nil, op, c.key, payload))
}

func (c *Client) send(p []byte) error {
	const writeWait = 10 * time.Second
	if err := c.nc.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	_, err := c.nc.Write(p) // net.Conn keeps concurrent writes apart
	return err
}

// Close says goodbye with 1000 and closes the socket.
func (c *Client) Close() {
	_ = c.send(AppendClose(nil, c.key, 1000)) // a courtesy
	c.Abort()
}

// Abort closes the socket without a word; a Read that waits returns an error.
func (c *Client) Abort() { _ = c.nc.Close() } // nothing is left to be flushed or saved
