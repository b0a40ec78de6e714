package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/child"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol/token"
)

const (
	users  = 6 // user i is on trip i mod trips
	trips  = 2
	secret = "a secret of the end-to-end tests, of 32 bytes or more"
)

// server is a whole App on a real database, with a seeded fleet.
type server struct {
	t     *testing.T
	app   *app.App
	cfg   *config.Config
	url   string // http://host:port
	log   *lockedBuffer
	stop  context.CancelFunc
	ended chan error
}

// eachStore runs a test on both stores, at the same time.
func eachStore(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("server", func(t *testing.T) { pgserver.Shared(t) }) // it goes on: nobody leaves it behind
	leaveNothing(t)                                            // both of them together
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteFile(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, migrated.Postgres(t, pgserver.Shared(t)))
	})
}

// migratedFile is a database of SQLite whose schema is up to date. To copy it takes less than to migrate anew.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "caravan-app-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "caravan.db")
	store, err := sqlite.OpenSeeder(context.Background(), path, discard)
	if err != nil {
		return nil, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func sqliteFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "caravan.db")
	file, err := migratedFile()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// before is what there was when the first of those began that must leave nothing behind.
var before struct {
	sync.Mutex
	users, goroutines, files int
}

// leaveNothing fails the test where goroutines or descriptors are not back at its end
// to what they are now; among several at a time, the last one looks.
func leaveNothing(t *testing.T) {
	t.Helper()
	before.Lock()
	defer before.Unlock()
	if before.users == 0 {
		before.goroutines, before.files = len(goroutines()), descriptors(t)
	}
	before.users++
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		before.Lock()
		defer before.Unlock()
		if before.users--; before.users == 0 {
			leftOver(t)
		}
	})
}

// besideOthers lets a test on PostgreSQL that waits for long run beside others.
func besideOthers(t *testing.T) {
	t.Helper()
	t.Parallel()
	pgserver.Shared(t) // it goes on: nobody leaves it behind
	leaveNothing(t)    // before anything of the test is there
}

// start opens and runs an App. At the end of the test it is stopped, if the test
// has not done so, and must leave nothing behind.
func start(t *testing.T, database string, flags ...string) *server {
	t.Helper()
	leaveNothing(t)
	flags = append([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database", database,
		"--drain-timeout", "500ms", "--log-level", "debug"}, flags...)
	if !slices.Contains(flags, "--dev") { // which has a secret of its own
		flags = append(flags, "--jwt-secret", secret)
	}
	keys := slices.DeleteFunc(os.Environ(), func(line string) bool { return !strings.HasPrefix(line, "AWS_") }) // of a bucket
	cfg, _, err := config.Load(config.Serve, flags, keys)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cfg: cfg, log: &lockedBuffer{}, ended: make(chan error, 1)}
	log := s.logger()
	seeder, err := app.OpenSeeder(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := seeder.Seed(t.Context(), persist.Fleet(users, trips)); err != nil {
		t.Fatal(err)
	}
	if err := seeder.Close(); err != nil {
		t.Fatal(err)
	}
	s.app = app.New(cfg, app.Version{Version: "v0", Commit: "c0", Go: "go0"}, log)
	if err := s.app.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	ready := make(chan struct{})
	go func() { s.ended <- s.app.Run(ctx, func() { close(ready) }) }()
	await.Until(t, "the server is ready", func() bool {
		select {
		case <-ready:
			return true
		case err := <-s.ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
		return false
	})
	s.url = "http://" + s.app.Addr().String()
	t.Cleanup(func() {
		s.shutDown()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	return s
}

// shutDown stops the server as a signal would and waits for its end.
func (s *server) shutDown() {
	s.t.Helper()
	s.stop()
	if s.ended == nil {
		return
	}
	if err := await.Value(s.t, "the end of the server", s.ended); err != nil {
		s.t.Error(err)
	}
	s.ended = nil
	if err := s.app.Close(); err != nil {
		s.t.Error(err)
	}
}

// leftOver fails the test where goroutines or descriptors do not come back to
// what they were.
func leftOver(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(await.Limit); ; time.Sleep(20 * time.Millisecond) {
		g, f := goroutines(), descriptors(t)
		if len(g) <= before.goroutines && f <= before.files {
			return
		}
		if time.Now().After(until) {
			t.Errorf("goroutines %d, were %d; descriptors %d, were %d\n%s", len(g), before.goroutines, f, before.files, strings.Join(g, "\n\n"))
			return
		}
	}
}

// processWide are goroutines that libraries start once and keep, or keep for a
// while, for all of the process.
var processWide = []string{"fasthttp.updateServerDate", "panjf2000/ants",
	"bench/servers/child.(*Server)"}

// goroutines are the stacks of those that belong to somebody.
func goroutines() []string {
	stacks := make([]byte, 4<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	return slices.DeleteFunc(all, func(stack string) bool {
		return slices.ContainsFunc(processWide, func(name string) bool { return strings.Contains(stack, name) })
	})
}

// descriptors are those that somebody has to give back: ports of the tests' servers stay theirs.
func descriptors(t *testing.T) int {
	t.Helper()
	taken := child.Taken() // before the look: what is taken meanwhile is found at the next
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open) - taken
}

var discard = slog.New(slog.DiscardHandler)

func (s *server) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: s.cfg.LogLevel}))
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// bearer signs a token for user i.
func bearer(t *testing.T, i int) string {
	t.Helper()
	return sign(t, persist.FleetUser(i), time.Hour)
}

func sign(t *testing.T, user uuid.UUID, ttl time.Duration) string {
	t.Helper()
	signed, err := token.Sign([]byte(secret), user, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// answer is what a REST call brought.
type answer struct {
	*http.Response
	body []byte
}

// call makes a REST call with a token; an empty one means none.
func (s *server) call(bearer, method, path, body string, header ...string) answer {
	s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = s.url + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, text}
}

// admin gets a page of the admin port.
func (s *server) admin(path string) answer {
	s.t.Helper()
	return s.call("", "GET", "http://"+s.app.AdminAddr()+path, "")
}

// into decodes the body, which must have that status.
func (a answer) into(t *testing.T, status int, v any) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// code is the code of an error.
func (a answer) code() string {
	var e struct{ Detail, Code string }
	if json.Unmarshal(a.body, &e) != nil || e.Detail == "" {
		return "no error: " + string(a.body)
	}
	return e.Code
}

// message is M.
type message struct {
	ID         string `json:"id"`
	ChatRoomID string `json:"chat_room_id"`
	Sender     struct {
		ID       string `json:"id"`
		Email    string `json:"email"`
		Username string `json:"username"`
		FullName string `json:"full_name"`
	} `json:"sender"`
	Content     string `json:"content"`
	MessageType string `json:"message_type"`
	ReplyTo     *struct {
		ID          string `json:"id"`
		Content     string `json:"content"`
		SenderEmail string `json:"sender_email"`
	} `json:"reply_to"`
	IsEdited  bool      `json:"is_edited"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Seq       int64     `json:"seq"`
	Rev       int64     `json:"rev"`
	ClientID  *string   `json:"client_id"`

	DeletedAt *time.Time `json:"deleted_at"`
	DeletedBy string     `json:"deleted_by"`
	PinnedAt  *time.Time `json:"pinned_at"`
}

// member is a WebSocket client.
type member struct {
	t    *testing.T
	conn net.Conn
}

// frame is any frame of the server.
type frame struct {
	Type      string    `json:"type"`
	Messages  []message `json:"messages"`
	Message   message   `json:"-"`
	Text      string    `json:"-"`
	Code      string    `json:"code"`
	Seq       int64     `json:"seq"`
	ClientID  string    `json:"client_id"`
	Duplicate bool      `json:"duplicate"`
}

// join connects user i to trip j and reads the history.
func (s *server) join(i, j int) (*member, frame) {
	s.t.Helper()
	m := &member{s.t, s.open(i, j, "")}
	return m, m.read()
}

// open connects user i to trip j, with more behind the query's token.
func (s *server) open(i, j int, query string) net.Conn {
	s.t.Helper()
	conn, early, _, err := ws.Dial(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/"+persist.FleetTrip(j).String()+"/?token="+bearer(s.t, i)+query)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	if early != nil {
		conn = earlyConn{conn, early}
	}
	return conn
}

// earlyConn is a connection of which something was read already.
type earlyConn struct {
	net.Conn
	r io.Reader
}

func (c earlyConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func (m *member) send(text string) {
	m.t.Helper()
	if err := wsutil.WriteClientText(m.conn, []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

// hear reads a frame, and answers the pings that come to who hears nothing for long.
func (m *member) hear() (ws.OpCode, []byte) {
	m.t.Helper()
	for {
		_ = m.conn.SetDeadline(time.Now().Add(await.Limit)) // a closed one says so below
		op, payload, err := readFrame(m.conn)
		if err != nil {
			m.t.Fatal(err)
		}
		if op != ws.OpPing {
			return op, payload
		}
		if _, err := m.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewPongFrame(payload)))); err != nil {
			m.t.Fatal(err)
		}
	}
}

// next reads a frame, or the close code that came instead.
func (m *member) next() (f frame, closed ws.StatusCode) {
	m.t.Helper()
	op, payload := m.hear()
	if op == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(payload)
		if err := ws.WriteFrame(m.conn, ws.MaskFrame(ws.NewCloseFrame(payload))); err != nil {
			m.t.Fatal(err)
		}
		return frame{}, code
	}
	var either struct {
		Message json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		m.t.Fatalf("%v in %s", err, payload)
	}
	if err := json.Unmarshal(payload, &either); err != nil {
		m.t.Fatal(err)
	}
	if json.Unmarshal(either.Message, &f.Text) != nil && len(either.Message) > 0 {
		if err := json.Unmarshal(either.Message, &f.Message); err != nil {
			m.t.Fatalf("%v in %s", err, payload)
		}
	}
	return f, 0
}

// readFrame reads a whole frame of the server, of a size that a test expects.
func readFrame(r io.Reader) (ws.OpCode, []byte, error) {
	header, err := ws.ReadHeader(r)
	if err != nil {
		return 0, nil, err
	}
	if header.Length > 16<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", header.Length)
	}
	payload := make([]byte, header.Length)
	_, err = io.ReadFull(r, payload)
	return header.OpCode, payload, err
}

// read reads a frame; the connection must not be closed.
func (m *member) read() frame {
	m.t.Helper()
	f, closed := m.next()
	if closed != 0 {
		m.t.Fatalf("closed with %d", closed)
	}
	return f
}
