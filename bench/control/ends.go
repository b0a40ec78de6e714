package control

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CheckToken reports what is wrong with a token.
func CheckToken(token []byte) error {
	if len(token) < TokenBytesMin {
		return fmt.Errorf("a token of %d bytes or more is needed, such as `openssl rand -hex 32` makes", TokenBytesMin)
	}
	return nil
}

// Dial connects to an agent. Both sides have proven that they know the token when it returns.
// A refusal is ErrToken.
func Dial(ctx context.Context, address string, token []byte) (*Conn, error) {
	if err := CheckToken(token); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeWait)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // the proof of the token takes the certificate's place
	}}
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Conn{tls: raw.(*tls.Conn), bytesMax: AnswerBytesMax, coming: -1}
	if err := c.greet(func() error {
		return errors.Join(c.prove(token, asCoordinator), c.check(token, asAgent))
	}); err != nil {
		return nil, err
	}
	return c, nil
}

// Listener takes the connections of coordinators.
type Listener struct {
	inner  net.Listener
	token  []byte
	config *tls.Config
}

// Listen listens at an address. Close ends it.
func Listen(address string, token []byte) (*Listener, error) {
	if err := CheckToken(token); err != nil {
		return nil, err
	}
	certificate, err := ownCertificate()
	if err != nil {
		return nil, err
	}
	inner, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Listener{inner: inner, token: token, config: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}}}, nil
}

// Address is where it listens.
func (l *Listener) Address() string { return l.inner.Addr().String() }

// Close ends listening. It is safe for concurrent use.
func (l *Listener) Close() error { return l.inner.Close() }

// Accept waits for the next connection. Nothing is proven yet: Greet is to be called from a
// goroutine of its own, as strangers may take their time.
func (l *Listener) Accept() (*Conn, error) {
	raw, err := l.inner.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{tls: tls.Server(raw, l.config), bytesMax: OrderBytesMax, coming: -1}, nil
}

// Greet checks that the other side is a coordinator that knows the token, and proves the
// same to it. Where it fails the connection is closed.
func (l *Listener) Greet(c *Conn) error {
	return c.greet(func() error {
		if err := c.check(l.token, asCoordinator); err != nil {
			return err
		}
		return c.prove(l.token, asAgent)
	})
}

// greet shakes hands within handshakeWait.
func (c *Conn) greet(proofs func() error) error {
	err := c.tls.SetDeadline(time.Now().Add(handshakeWait))
	if err == nil {
		err = c.tls.Handshake()
	}
	if err == nil {
		err = proofs()
	}
	if err != nil {
		c.Close()
	}
	return err
}

// ownCertificate makes what TLS needs to encrypt.
func ownCertificate() (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}
