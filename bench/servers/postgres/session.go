package pgserver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Session is another program's connection to a server, cheap enough to open as many
// as the server lets in. It speaks the simple query protocol (PostgreSQL, chapter 55)
// and needs no password. One goroutine at a time may use it.
type Session struct {
	conn net.Conn
	r    *bufio.Reader
}

const (
	sessionTimeout  = 2 * time.Minute // a busy machine lets a DROP DATABASE wait for half of one
	protocolVersion = 3 << 16
	answerBytesMax  = 1 << 20
)

// sessionName is the application_name of every Session.
const sessionName = "another program"

// Connect opens a session with a database.
func (s *Server) Connect(ctx context.Context, database string) (*Session, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	session := &Session{conn: conn, r: bufio.NewReader(conn)}
	hello := binary.BigEndian.AppendUint32(nil, protocolVersion)
	for _, text := range []string{"user", superuser, "database", database, "application_name", sessionName, ""} {
		hello = append(append(hello, text...), 0)
	}
	if _, err := session.ask(nil, hello); err != nil {
		return nil, errors.Join(fmt.Errorf("pgserver: %w", err), conn.Close())
	}
	return session, nil
}

// Query runs one statement and returns the tag of its last command, such as "SELECT 3".
func (s *Session) Query(sql string) (string, error) {
	return s.ask([]byte{'Q'}, append([]byte(sql), 0))
}

// ask sends a message and reads until the server is ready for the next.
func (s *Session) ask(kind, body []byte) (tag string, err error) {
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

func (s *Session) read() (kind byte, body []byte, err error) {
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

// Close ends the session.
func (s *Session) Close() error { return s.conn.Close() }
