package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

var secret = []byte("a secret of the tests, 32 bytes!!")

// grace is how long a user without a connection is still there.
const grace = 200 * time.Millisecond

const (
	users = 15
	trips = 3
)

// server is a whole chat on real sockets and a real SQLite file.
type server struct {
	t     *testing.T
	path  string
	addr  string
	store *sqlite.Store
	svc   *room.Service
	net   *netpoll.Server

	handler    *socket.Handler
	allowances *allowance.Table
}

func serve(t *testing.T, cfg socket.Config) *server {
	t.Helper()
	return serveOn(t, cfg, func(s room.Store) room.Store { return s })
}

// serveOn lets the chat see its store as wrap has it.
func serveOn(t *testing.T, cfg socket.Config, wrap func(room.Store) room.Store) *server {
	t.Helper()
	s := &server{t: t, path: filepath.Join(t.TempDir(), "caravan.db"), allowances: cfg.Allowances}
	var err error
	if s.store, err = sqlite.Open(t.Context(), s.path, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Seed(t.Context(), persist.Fleet(users, trips)); err != nil {
		t.Fatal(err)
	}
	verifier, err := token.New(t.Context(), token.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	roles, err := protocol.ParseRoles("owner=all; mute=react")
	if err != nil {
		t.Fatal(err)
	}
	s.svc = room.New(wrap(s.store), verifier, nil, room.Config{Roles: roles, ReadsMembers: 100, PresenceList: 100, PresenceGrace: grace, LastSeen: true, Unsent: cfg.Unsent, Allowances: cfg.Allowances})
	const loops = 2
	h := socket.New(s.svc, loops, cfg)
	s.handler = h
	s.net, err = netpoll.Listen(netpoll.Config{Addr: "127.0.0.1:0", Loops: loops, Handler: h, Part: h.Part, MessageBytesMax: 163_840, TextOnly: true,
		SlowCloseCode: 4008, Compression: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- s.net.Run() }()
	<-s.net.Ready()
	s.addr = s.net.Addr().String()
	t.Cleanup(func() {
		s.net.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if st := s.svc.Stats(); st.RoomsNow != 0 {
			t.Errorf("%d rooms are still followed", st.RoomsNow)
		}
		h.Stop()
		s.svc.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func sign(t *testing.T, user uuid.UUID, ttl time.Duration) string {
	t.Helper()
	s, err := token.Sign(secret, user, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// client is one user's connection.
type client struct {
	t    *testing.T
	conn net.Conn
}

// frame is any frame of the server.
type frame struct {
	Type      string    `json:"type"`
	Code      string    `json:"code"`
	Text      string    `json:"-"`
	ClientID  string    `json:"client_id"`
	Seq       int64     `json:"seq"`
	Prev      *int64    `json:"prev"`
	Since     *int64    `json:"since"`
	HasMore   *bool     `json:"has_more"`
	Duplicate bool      `json:"duplicate"`
	UserEmail string    `json:"user_email"`
	IsTyping  bool      `json:"is_typing"`
	ReadSeq   int64     `json:"read_seq"`
	Messages  []message `json:"messages"`
	Message   message   `json:"-"`
}

type message struct {
	ID       string `json:"id"`
	Content  string `json:"content"`
	IsEdited bool   `json:"is_edited"`
	Seq      int64  `json:"seq"`
	Rev      int64  `json:"rev"`
	ClientID string `json:"client_id"`
	Sender   struct {
		Username string `json:"username"`
	} `json:"sender"`
	DeletedBy string `json:"deleted_by"`
	PinnedBy  string `json:"pinned_by"`
	ReplyTo   *struct {
		ID          string `json:"id"`
		Content     string `json:"content"`
		SenderEmail string `json:"sender_email"`
	} `json:"reply_to"`
}

// UnmarshalJSON reads "message", which is a text in an error and an object in an
// event.
func (f *frame) UnmarshalJSON(p []byte) error {
	type plain frame
	if err := json.Unmarshal(p, (*plain)(f)); err != nil {
		return err
	}
	var m struct {
		Message json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(p, &m); err != nil || m.Message == nil {
		return err
	}
	if f.Type == "error" {
		return json.Unmarshal(m.Message, &f.Text)
	}
	return json.Unmarshal(m.Message, &f.Message)
}

// open connects without reading anything.
func (s *server) open(path string, header http.Header) (*client, error) {
	return s.dial(path, ws.Dialer{Header: ws.HandshakeHeaderHTTP(header)})
}

func (s *server) dial(path string, dialer ws.Dialer) (*client, error) {
	dialer.Timeout = 10 * time.Second
	conn, br, _, err := dialer.Dial(context.Background(), "ws://"+s.addr+path)
	if err != nil {
		return nil, err
	}
	if br != nil {
		conn = &buffered{conn, br}
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return &client{s.t, conn}, nil
}

// buffered is a connection whose first bytes came with the handshake.
type buffered struct {
	net.Conn
	first interface{ Read([]byte) (int, error) }
}

func (b *buffered) Read(p []byte) (int, error) { return b.first.Read(p) }

// joinCompressed connects user i to their trip with permessage-deflate.
func (s *server) joinCompressed(i int) *client {
	s.t.Helper()
	path := fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(i%trips), sign(s.t, persist.FleetUser(i), time.Hour))
	var dialer ws.Dialer
	dialer.Extensions = append(dialer.Extensions, wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}.Option())
	c, err := s.dial(path, dialer)
	if err != nil {
		s.t.Fatal(err)
	}
	if f := c.next(); f.Type != "message_history" {
		s.t.Fatalf("the first frame is %+v", f)
	}
	return c
}

// join connects user i to their trip and returns the history frame, too.
func (s *server) join(i int, query string) (*client, frame) {
	s.t.Helper()
	path := fmt.Sprintf("/ws/chat/%s/?token=%s%s", persist.FleetTrip(i%trips), sign(s.t, persist.FleetUser(i), time.Hour), query)
	c, err := s.open(path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	f := c.next()
	if f.Type != "message_history" {
		s.t.Fatalf("the first frame is %+v", f)
	}
	return c, f
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) next() frame {
	c.t.Helper()
	f, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

func (c *client) read() (f frame, err error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	p, err := wsutil.ReadServerText(c.conn)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(p, &f)
}

// closeCode reads until the server closes and returns its code.
func (c *client) closeCode() ws.StatusCode {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		h, err := ws.ReadHeader(c.conn)
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(c.conn, payload); err != nil {
			c.t.Fatal(err)
		}
		if h.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(payload)
			return code
		}
	}
}
