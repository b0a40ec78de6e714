package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
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

const anotherSecret = "another secret, of 32 bytes or more"

// settingsFile writes a file of settings, and one of a secret.
func settingsFile(t *testing.T, lines string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "caravan.conf")
	rewrite(t, path, lines)
	return path
}

func rewrite(t *testing.T, path, lines string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hangUp sends SIGHUP and waits until a line of the log says what came of it.
func (s *served) hangUp(line string) {
	s.t.Helper()
	before := strings.Count(s.logged(), line)
	s.signal(syscall.SIGHUP)
	await.Until(s.t, "the log says "+line, func() bool { return strings.Count(s.logged(), line) > before })
}

// closeCode connects by a secret and returns the code that the client is closed with; 0: it
// is let in.
func (s *served) closeCode(secret string) ws.StatusCode {
	s.t.Helper()
	bearer, err := token.Sign([]byte(secret), persist.FleetUser(0), time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, early, _, err := ws.Dial(s.t.Context(), "ws://"+s.listen+"/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+bearer)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if early != nil {
		conn = earlyConn{conn, early}
	}
	header, err := ws.ReadHeader(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	if header.OpCode != ws.OpClose {
		return 0
	}
	body := make([]byte, header.Length)
	if _, err := conn.Read(body); err != nil {
		s.t.Fatal(err)
	}
	code, _ := ws.ParseCloseFrameData(body)
	return code
}

// pong asks for one, to show that the client is connected.
func pong(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := wsutil.WriteClientText(conn, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	if got, err := wsutil.ReadServerText(conn); err != nil || !strings.Contains(string(got), "pong") {
		t.Fatalf("%s, %v", got, err)
	}
}

// originStatus is the answer to a handshake of a page of that origin.
func (s *served) originStatus(origin string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.listen+"/ws/chat/"+persist.FleetTrip(0).String()+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{"Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestHangUpReloadsAndDropsNobody: keys, origins, limits and the log's level change, the rest
// is named, and what is wrong changes nothing.
func TestHangUpReloadsAndDropsNobody(t *testing.T) {
	t.Parallel()
	secret := settingsFile(t, config.DevelopmentSecret)
	file := settingsFile(t, "jwt-secret-file = "+secret+"\nlog-level = info\n")
	s := serveWith(t, nil, "--config", file)
	member, _ := s.join()
	if _, err := wsutil.ReadServerText(member); err != nil { // the history
		t.Fatal(err)
	}
	s.hangUp("reload: done")
	if strings.Contains(s.logged(), `"changed":"--`) {
		t.Errorf("something changed:\n%s", s.logged())
	}

	rewrite(t, secret, anotherSecret)
	rewrite(t, file, "jwt-secret-file = "+secret+"\nlog-level = debug\nallowed-origins = https://a.example\nconnections-per-user = 1\nhistory = 7\nloops = 3\n")
	s.hangUp("reload: done")
	for _, want := range []string{"--jwt-secret-file", "--allowed-origins", "--connections-per-user", "--log-level", `need a restart","settings":"--history --loops"`} {
		if want == "--log-level" && strings.Contains(s.logged(), `"DEBUG"`) {
			continue // it counts from now on
		}
		if !strings.Contains(s.logged(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.logged())
		}
	}
	pong(t, member)
	if code := s.closeCode(config.DevelopmentSecret); code != 4001 {
		t.Errorf("the former secret: %d", code)
	}
	if code := s.closeCode(anotherSecret); code != 1013 { // the member is one connection
		t.Errorf("over --connections-per-user: %d", code)
	}
	if status := s.originStatus("https://b.example"); status != http.StatusForbidden {
		t.Errorf("a page that is not allowed: %d", status)
	}
	if status := s.originStatus("https://a.example"); status != http.StatusSwitchingProtocols {
		t.Errorf("a page that is allowed: %d", status)
	}

	rewrite(t, file, "jwt-secret-file = "+secret+"\nhistory = many\n")
	s.hangUp("reload: the settings stay as they are")
	if !strings.Contains(s.metrics(), "caravan_config_last_reload_successful 0\n") {
		t.Error("the metrics do not say that it failed")
	}
	if code := s.closeCode(anotherSecret); code != 1013 {
		t.Errorf("after a reload that failed: %d", code)
	}
	rewrite(t, file, "dev = true\n") // which brings a secret that everybody knows
	s.hangUp("--dev: can be changed by a restart alone")
	if code := s.closeCode(config.DevelopmentSecret); code != 4001 {
		t.Errorf("the secret that everybody knows: %d", code)
	}
	rewrite(t, file, "jwt-secret-file = "+secret+"\nconnections-per-user = 2\n")
	s.hangUp("reload: done")
	if code := s.closeCode(anotherSecret); code != 0 {
		t.Errorf("within --connections-per-user: %d", code)
	}
	if !strings.Contains(s.metrics(), "caravan_config_last_reload_successful 1\n") {
		t.Error("the metrics do not say that it went well")
	}
	pong(t, member)
	s.signal(syscall.SIGHUP)
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGHUP) // within the drain
	if err := member.Close(); err != nil {
		t.Error(err)
	}
	if status := s.status(); status != exitOK {
		t.Errorf("status %d\n%s", status, s.logged())
	}
}

// TestAHangUpWhileTheServerStartsIsNotTheEnd: it waits for its database.
func TestAHangUpWhileTheServerStartsIsNotTheEnd(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	second := process(t, ownSecret, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--database-wait", "30s")
	second.Dir = s.cmd.Dir
	log := &logBuffer{}
	second.Stderr = log
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "it waits", func() bool { return strings.Contains(log.String(), "cannot be used yet") })
	if err := second.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGTERM)
	await.Until(t, "it has the database, and the settings again", func() bool { return strings.Contains(log.String(), "reload: done") })
	for _, want := range []string{"nothing can change: no --config", "changed=nothing"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, log)
		}
	}
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log)
	}
}

// logBuffer is what a process has said so far.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
