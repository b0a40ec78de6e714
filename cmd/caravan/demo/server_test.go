package demo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/demo"
)

// buildCaravan builds the command once, into a directory that TestMain removes.
var buildCaravan = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "caravan")
	out, err := exec.Command("go", "build", "-ldflags=-w", "-o", path, "github.com/caravan-chat/caravan/cmd/caravan").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var buildDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "caravan-demo-test-")
	if err != nil {
		panic(err)
	}
	buildDir = dir
	status := m.Run()
	if oneChromium.chromium != nil {
		if err := oneChromium.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// server is a development server as users start it, on a store of its own. It can
// be killed and started again, at the same address and on the same store.
type server struct {
	t       *testing.T
	addr    string
	store   string
	flags   []string // besides --dev and where things are
	process *exec.Cmd
	log     bytes.Buffer
	setup   setup
}

// setup is what the page gets from /demo/config.json.
type setup struct {
	Users []demo.User
	Trips []demo.Trip
}

func startServer(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{t: t, addr: freeAddr(t), store: filepath.Join(t.TempDir(), "caravan.db"), flags: flags}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.Bytes())
		}
	})
	s.start()
	s.get("/demo/config.json", "", &s.setup)
	return s
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

func (s *server) start() {
	s.t.Helper()
	path, err := buildCaravan()
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{"serve", "--dev", "--listen", s.addr, "--admin-listen=", "--database", "sqlite:" + s.store}
	s.process = exec.Command(path, append(args, s.flags...)...)
	s.process.Stderr = &s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		res, err := http.Get(s.url("/demo/config.json"))
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server did not start: %v\n%s", err, s.log.Bytes())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// kill ends the server without notice, as a power cut would.
func (s *server) kill() {
	if s.process == nil {
		return
	}
	s.process.Process.Kill()
	s.process.Wait() // says that it was killed
	s.process = nil
}

// token is what the page gets for the Nth user, from 1.
func (s *server) token(user int) string {
	s.t.Helper()
	var answer struct{ Token string }
	s.get("/demo/token?user="+s.setup.Users[user-1].ID.String(), "", &answer)
	return answer.Token
}

// message is what the tests read of a message.
type message struct {
	ID, Content string
	Seq         int64
}

// post sends a message as the Nth user, by REST.
func (s *server) post(user int, token, content, replyTo string) message {
	s.t.Helper()
	body := map[string]string{"chat_room": s.setup.Trips[0].ID.String(), "content": content}
	if replyTo != "" {
		body["reply_to"] = replyTo
	}
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		req, err := http.NewRequest("POST", s.url("/api/v1/chat/messages/"), bytes.NewReader(text))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		var m message
		err = answer(req, &m)
		if errors.Is(err, errTooMany) {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return m
	}
}

// call makes a call of REST as the Nth user.
func (s *server) call(method, path string, user int, body, into any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(method, s.url(path), bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token(user))
	req.Header.Set("Content-Type", "application/json")
	if err := answer(req, into); err != nil {
		s.t.Fatal(err)
	}
}

// react sets or clears a reaction of the Nth user, by REST.
func (s *server) react(user int, message, emoji string, on bool) {
	s.t.Helper()
	method := map[bool]string{true: "PUT", false: "DELETE"}[on]
	for token := s.token(user); ; time.Sleep(200 * time.Millisecond) {
		req, err := http.NewRequest(method, s.url("/api/v1/chat/messages/"+message+"/reactions/"+url.PathEscape(emoji)+"/"), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		switch err := answer(req, new(any)); {
		case err == nil:
			return
		case !errors.Is(err, errTooMany):
			s.t.Fatal(err)
		}
	}
}

// stored are the contents of the room, in its order, as REST tells them.
func (s *server) stored() []string {
	s.t.Helper()
	var page struct{ Results []message }
	s.get("/api/v1/chat/rooms/"+s.setup.Trips[0].ID.String()+"/messages/?limit=200", s.token(1), &page)
	contents := make([]string, len(page.Results))
	for i, m := range page.Results {
		contents[i] = m.Content
	}
	return contents
}

func (s *server) get(path, token string, into any) {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.url(path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if err := answer(req, into); err != nil {
		s.t.Fatal(err)
	}
}

var errTooMany = errors.New("too many requests")

func answer(req *http.Request, into any) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusTooManyRequests {
		return errTooMany
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s", req.Method, req.URL.Path, res.Status, strings.TrimSpace(string(body)))
	}
	return json.Unmarshal(body, into)
}

// freeAddr is an address that nobody listens on: a server that is killed must
// come back to the same one.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
