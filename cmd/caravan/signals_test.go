package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// served is a running `caravan serve`.
type served struct {
	t             *testing.T
	cmd           *exec.Cmd
	listen, admin string

	stderr io.Closer

	mu  sync.Mutex
	log strings.Builder
	eof chan struct{} // closed when stderr has ended
}

// ownSecret is the environment of servers that know the secret of 'caravan token --dev'.
var ownSecret = []string{"CARAVAN_JWT_SECRET=" + config.DevelopmentSecret}

// serveProcess starts a server and waits until it says that it is ready.
func serveProcess(t *testing.T, args ...string) *served {
	t.Helper()
	return serveWith(t, ownSecret, args...)
}

// serveWith starts a server, in that environment.
func serveWith(t *testing.T, env []string, args ...string) *served {
	t.Helper()
	return serveBy(t, process(t, env, args...))
}

// serveBy starts a server as serveWith does, by a command that has its flags already.
func serveBy(t *testing.T, cmd *exec.Cmd) *served {
	t.Helper()
	serve := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"}
	if !slices.Contains(cmd.Args, "--config") { // which may say otherwise
		serve = append(serve, "--log-level", "debug")
	}
	cmd.Args = slices.Insert(cmd.Args, 1, serve...)
	s := &served{t: t, cmd: cmd, eof: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stderr = stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.eof
		_ = s.cmd.Wait()
	})
	ready := make(chan struct{})
	go func() {
		defer close(s.eof)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			var line struct{ Msg, Listen, Admin string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
				s.listen, s.admin = line.Listen, line.Admin
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case <-s.eof:
		t.Fatalf("the server ended:\n%s", s.logged())
	case <-time.After(await.Limit):
		t.Fatalf("the server is not ready:\n%s", s.logged())
	}
	return s
}

func (s *served) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// closeLog closes the reading end of the server's log.
func (s *served) closeLog() {
	s.t.Helper()
	if err := s.stderr.Close(); err != nil {
		s.t.Fatal(err)
	}
	<-s.eof
}

func (s *served) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// status waits for the end of the process.
func (s *served) status() int {
	s.t.Helper()
	select {
	case <-s.eof:
	case <-time.After(await.Limit):
		s.t.Fatalf("the server did not end within %v:\n%s", await.Limit, s.logged())
	}
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// ready asks /readyz.
func (s *served) ready() (status int, body string) {
	s.t.Helper()
	return s.get("/readyz")
}

// metrics asks /metrics.
func (s *served) metrics() string {
	s.t.Helper()
	_, body := s.get("/metrics")
	return body
}

// get asks the admin port.
func (s *served) get(path string) (status int, body string) {
	s.t.Helper()
	res, err := http.Get("http://" + s.admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// join seeds a fleet of one, as those flags say, and lets its user into the room.
func (s *served) join(flags ...string) (net.Conn, string) {
	s.t.Helper()
	seed := process(s.t, nil, append([]string{"seed", "--users", "1", "--trips", "1"}, flags...)...)
	seed.Dir = s.cmd.Dir
	if out, err := seed.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	bearer, err := token.Sign([]byte(config.DevelopmentSecret), persist.FleetUser(0), time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, early, _, err := ws.Dial(s.t.Context(), "ws://"+s.listen+"/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+bearer)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	if early != nil { // what came right behind the handshake
		conn = earlyConn{conn, early}
	}
	return conn, bearer
}

// earlyConn is a connection of which something was read already.
type earlyConn struct {
	net.Conn
	r io.Reader
}

func (c earlyConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// TestASignalDrainsAndExitsWithZero, and so does an operator on the admin port.
func TestASignalDrainsAndExitsWithZero(t *testing.T) {
	t.Parallel()
	signal := func(sig syscall.Signal) func(*served) { return func(s *served) { s.signal(sig) } }
	for name, stop := range map[string]func(*served){"SIGTERM": signal(syscall.SIGTERM), "SIGINT": signal(syscall.SIGINT), "operator": (*served).drain} {
		t.Run(name, func(t *testing.T) {
			s := serveProcess(t, "--drain-timeout", "2s")
			if status, body := s.ready(); status != 200 || !strings.Contains(body, `"ready":true`) {
				t.Errorf("readyz before: %d %s", status, body)
			}
			conn, bearer := s.join()
			if _, err := wsutil.ReadServerText(conn); err != nil { // the history
				t.Fatal(err)
			}
			stop(s)
			header, err := ws.ReadHeader(conn)
			if err != nil || header.OpCode != ws.OpClose || header.Length > 125 {
				t.Fatalf("the client got %+v, %v; want a close", header, err)
			}
			last := make([]byte, header.Length)
			if _, err := io.ReadFull(conn, last); err != nil {
				t.Fatal(err)
			}
			if code, _ := ws.ParseCloseFrameData(last); code != 1012 {
				t.Errorf("the client got close code %d, want 1012", code)
			}
			_ = ws.WriteFrame(conn, ws.MaskFrame(ws.NewCloseFrame(last))) // on a busy machine the drain's time may be over
			if status := s.status(); status != 0 {
				t.Errorf("status %d\n%s", status, s.logged())
			}
			if strings.Contains(s.logged(), bearer) || strings.Contains(s.logged(), strings.Split(bearer, ".")[2]) {
				t.Error("the log has the token")
			}
		})
	}
}

// drain has an operator set the level of the log, ask for the health, and stop the server.
func (s *served) drain() {
	s.t.Helper()
	for _, args := range [][]string{{"admin", "log-level", "--level", "info"}, {"health"}, {"admin", "drain"}} {
		var out bytes.Buffer
		if status := run(append(args, "--admin", "http://"+s.admin), nil, &out, &out); status != exitOK {
			s.t.Errorf("%v: status %d, %s", args, status, out.String())
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "--drain-timeout", "10m")
	conn, _ := s.join()
	if _, err := wsutil.ReadServerText(conn); err != nil {
		t.Fatal(err)
	}
	// Nobody reads the close, so that the drain takes its time.
	s.signal(syscall.SIGTERM)
	await.Until(t, "readyz tells of the drain", func() bool {
		status, body := s.ready()
		return status == 503 && strings.Contains(body, "draining")
	})
	s.signal(syscall.SIGTERM) // may still be the first one's
	await.Until(t, "a signal that comes later ends it", func() bool {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.eof:
			return true
		default:
			return false
		}
	})
	if status := s.status(); status != exitFailed {
		t.Errorf("status %d, want %d", status, exitFailed)
	}
}

// TestTwoSignalsAtOnceDrain sends what a signal to a process and to its group is.
func TestTwoSignalsAtOnceDrain(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGINT)
	if status := s.status(); status != exitOK || !strings.Contains(s.logged(), `"drained"`) {
		t.Errorf("status %d\n%s", status, s.logged())
	}
}

// TestServingGoesOnWithoutAReaderOfItsLog closes the other end of stderr and stdout.
func TestServingGoesOnWithoutAReaderOfItsLog(t *testing.T) {
	t.Parallel()
	s := serveProcess(t, "--drain-timeout", "2s")
	conn, _ := s.join()
	if _, err := wsutil.ReadServerText(conn); err != nil {
		t.Fatal(err)
	}
	s.closeLog()
	s.signal(syscall.SIGTERM) // of which it logs several lines
	for {
		header, err := ws.ReadHeader(conn)
		if err != nil {
			t.Fatalf("no close came: %v", err)
		}
		if header.OpCode == ws.OpClose {
			break
		}
	}
	if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))); err != nil {
		t.Error(err)
	}
	if status := s.status(); status != exitOK {
		t.Errorf("status %d", status)
	}
}

func TestASecondServerOnTheSameFileIsRefused(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	second := process(t, ownSecret, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--log-level", "error")
	second.Dir = s.cmd.Dir
	out, err := second.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the second ended with %v", err)
	}
	if !strings.Contains(string(out), "in use") {
		t.Errorf("the second said %s", out)
	}
}

// TestACommandThatASignalEndsHasFailed, with a line that says so: a script must not go on. The
// database, or Redis, accepts and does not answer.
func TestACommandThatASignalEndsHasFailed(t *testing.T) {
	t.Parallel()
	id := persist.FleetUser(0).String()
	for _, args := range [][]string{
		{"migrate"}, {"seed", "--users", "1", "--trips", "1"}, {"attachments", "check", "--attachments", "file:files"}, {"status"},
		{"user", "add", "--email", "a@example.com"}, {"user", "list"}, {"user", "remove", id},
		{"trip", "add", "--title", "A"}, {"trip", "list"}, {"trip", "remove", id},
		{"member", "add", "--trip", id, "--user", id}, {"member", "list", "--trip", id}, {"member", "remove", "--trip", id, "--user", id},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			where := []string{"--database", "postgres://caravan@" + silent.Addr().String() + "/caravan?sslmode=disable", "--log-level", "error"}
			if args[0] == "status" {
				where = []string{"--redis", "redis://" + silent.Addr().String()}
			}
			cmd := process(t, nil, append(args, where...)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(stderr.String(), errSignal.Error()) || stdout.Len() > 0 {
				t.Errorf("it ended with %v, %q and %q", err, stdout.String(), stderr.String())
			}
		})
	}
}
