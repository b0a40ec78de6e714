package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Limits. What is longer, later or shorter ends the Conn.
const (
	TokenBytesMin   = 16        // of a token: shorter ones can be guessed by who is asked for a proof
	OrderBytesMax   = 256 << 10 // of what an agent takes
	AnswerBytesMax  = 256 << 20 // of what a coordinator takes: a report's part with all its histograms
	handshakeWait   = 5 * time.Second
	proofBytes      = sha256.Size
	lengthBytes     = 4
	sendWait        = 2 * time.Minute // a coordinator takes large answers one after the other
	readBytesAtOnce = 64 << 10        // memory is taken as bytes come, not as the length promises
)

// Who proves that it knows the token. Both words are part of the proof, so that no side's proof is
// good for the other.
const (
	asCoordinator = "coordinator"
	asAgent       = "agent"
)

// ErrToken says that the other side does not know the token.
var ErrToken = errors.New("the other side has another token")

// Conn is one side of a connection that both have proven.
type Conn struct {
	tls      *tls.Conn
	bytesMax int // of what is received
	coming   int // bytes of the value that the other side has begun; negative: of none
}

// Close ends the connection. It is safe for concurrent use, and a Send or Receive under way
// fails.
func (c *Conn) Close() {
	_ = c.tls.NetConn().Close() // it has ended either way
}

// RemoteAddr is where the other side is.
func (c *Conn) RemoteAddr() string { return c.tls.RemoteAddr().String() }

// Send sends one value as JSON.
func (c *Conn) Send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := c.tls.SetWriteDeadline(time.Now().Add(sendWait)); err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, lengthBytes+len(text)), uint32(len(text)))
	_, err = c.tls.Write(append(frame, text...))
	return err
}

// Await waits until the other side begins to say a value, which Receive then reads. It waits no
// longer than wait.
func (c *Conn) Await(wait time.Duration) error {
	if c.coming >= 0 {
		return nil
	}
	if err := c.tls.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	var length [lengthBytes]byte
	if _, err := io.ReadFull(c.tls, length[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(length[:]))
	if n > c.bytesMax {
		return fmt.Errorf("control: the other side wants to say %d bytes, more than %d", n, c.bytesMax)
	}
	c.coming = n
	return nil
}

// Receive reads the next value into v. It waits no longer than wait for its beginning, and again for
// the rest.
func (c *Conn) Receive(v any, wait time.Duration) error {
	if err := c.Await(wait); err != nil {
		return err
	}
	if err := c.tls.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	n := c.coming
	c.coming = -1
	text := make([]byte, 0, min(n, readBytesAtOnce))
	for len(text) < n {
		at := len(text)
		text = append(text, make([]byte, min(n-at, readBytesAtOnce))...)
		if _, err := io.ReadFull(c.tls, text[at:]); err != nil {
			return err
		}
	}
	return json.Unmarshal(text, v)
}

// prove shows the other side that this one knows the token.
func (c *Conn) prove(token []byte, as string) error {
	proof, err := c.proof(token, as)
	if err != nil {
		return err
	}
	_, err = c.tls.Write(proof)
	return err
}

// check wants the other side's proof.
func (c *Conn) check(token []byte, as string) error {
	want, err := c.proof(token, as)
	if err != nil {
		return err
	}
	var got [proofBytes]byte
	switch _, err := io.ReadFull(c.tls, got[:]); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case err != nil: // it took this side's proof for wrong, and hung up
		return fmt.Errorf("%w (%w)", ErrToken, err)
	case !hmac.Equal(got[:], want):
		return ErrToken
	}
	return nil
}

// proof binds the token to this TLS session, which no other one is like.
func (c *Conn) proof(token []byte, as string) ([]byte, error) {
	state := c.tls.ConnectionState()
	material, err := state.ExportKeyingMaterial("EXPORTER-caravan-bench-control", nil, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	sum := hmac.New(sha256.New, token)
	sum.Write([]byte(as))
	sum.Write(material)
	return sum.Sum(nil), nil
}
