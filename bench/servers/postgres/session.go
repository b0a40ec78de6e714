package stage

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// pgSession is another program's connection to PostgreSQL, cheap enough to open
// as many as the server lets in. It speaks the simple query protocol (PostgreSQL,
// chapter 55) and needs no password.
type pgSession struct {
	conn net.Conn
	r    *bufio.Reader
}

const (
	sessionTimeout  = 30 * time.Second
	protocolVersion = 3 << 16
	answerBytesMax  = 1 << 20
)

// openSession connects to the database of a postgres:// URL.
func openSession(ctx context.Context, database string) (*pgSession, error) {
	at, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return nil, err
	}
	s := &pgSession{conn: conn, r: bufio.NewReader(conn)}
	hello := binary.BigEndian.AppendUint32(nil, protocolVersion)
	for _, text := range []string{"user", at.User.Username(), "database", strings.TrimPrefix(at.Path, "/"), ""} {
		hello = append(append(hello, text...), 0)
	}
	if _, err := s.ask(nil, hello); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// query runs one statement and returns the tag of its last command, such as "SELECT 3".
func (s *pgSession) query(sql string) (string, error) {
	return s.ask([]byte{'Q'}, append([]byte(sql), 0))
}

// ask sends a message and reads until the server is ready for the next.
func (s *pgSession) ask(kind, body []byte) (tag string, err error) {
	if err := s.conn.SetDeadline(time.Now().Add(sessionTimeout)); err != nil {
		return "", err
	}
	message := binary.BigEndian.AppendUint32(kind, uint32(4+len(body)))
	if _, err := s.conn.Write(append(message, body...)); err != nil {
		return "", err
	}
	var refused error
	for {
		kind, body, err := s.read()
		switch {
		case err != nil:
			return "", errors.Join(refused, err)
		case kind == 'C':
			tag = strings.TrimSuffix(string(body), "\x00")
		case kind == 'E':
			refused = fmt.Errorf("the database: %s", strings.ReplaceAll(string(body), "\x00", " "))
		case kind == 'Z':
			return tag, refused
		}
	}
}

func (s *pgSession) read() (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length < 4 || length > answerBytesMax {
		return 0, nil, fmt.Errorf("the database sent a message of %d bytes", length)
	}
	body = make([]byte, length-4)
	_, err = io.ReadFull(s.r, body)
	return head[0], body, err
}

func (s *pgSession) close() error { return s.conn.Close() }
