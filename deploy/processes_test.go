package deploy_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

// secret signs the tokens of these tests.
const secret = "a secret for tests that has more than 32 bytes"

// binDir holds what the tests build; TestMain makes and removes it.
var binDir string

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait more than they compute
		panic(err)
	}
	os.Exit(func() int {
		var err error
		if binDir, err = os.MkdirTemp("", "caravan-deploy-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binDir)
		return m.Run()
	}())
}

var built = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(binDir, "caravan")
	out, err := exec.Command("go", "build", "-o", binary, "../cmd/caravan").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
})

// caravan returns the server's program.
func caravan(t testing.TB) string {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// loopback returns an address of this machine that nobody else is likely to use.
func loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// node is `caravan serve` on ports 8000 and 9000 of an address of its own.
type node struct {
	*child.Server
	address string
	args    []string
}

// start starts a node, and returns when it is ready.
func startNode(t testing.TB, flags ...string) *node {
	t.Helper()
	n := newNode(t, loopback(), flags...)
	n.start(t)
	return n
}

// serving is a server on an address, with its admin port at 9000, that is not started yet.
func serving(t testing.TB, address string, args ...string) *child.Server {
	t.Helper()
	binary := caravan(t)
	server, err := child.New(child.Config{
		Name: "caravan", EndsOn: syscall.SIGKILL,
		Command: func() *exec.Cmd { return exec.Command(binary, args...) },
		Ready: func(ctx context.Context, _ int) bool {
			status, _ := ask(ctx, "http://"+address+":9000/readyz")
			return status == http.StatusOK
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// newNode makes a node that is not started yet.
func newNode(t testing.TB, address string, flags ...string) *node {
	t.Helper()
	n := &node{address: address}
	args := append([]string{"serve", "--listen", address + ":8000", "--admin-listen", address + ":9000", "--jwt-secret", secret}, flags...)
	server := serving(t, address, args...)
	n.Server, n.args = server, args
	server.EndWith(t)
	return n
}

func (n *node) start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	if err := n.Start(ctx); err != nil {
		t.Fatal(err)
	}
}

// stop ends a node as an operator does, and returns when it has drained.
func (n *node) stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	state, err := n.Stop(ctx, syscall.SIGTERM)
	if err != nil || state.ExitCode() != 0 {
		t.Fatalf("%v, %v\n%s", state, err, n.LogTail())
	}
}

// log is what the node has logged.
func (n *node) log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.Dir(), "caravan.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs a command of the server's program.
func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(caravan(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("caravan %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ask returns the answer to a GET; status 0: there is none.
func ask(ctx context.Context, url string) (status int, body string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// shipped returns a file of this directory in which the texts on the left are replaced by
// those on the right. Each must be there.
func shipped(t testing.TB, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			t.Fatalf("%s does not say %q", name, replace[i])
		}
		text = bytes.ReplaceAll(text, []byte(replace[i]), []byte(replace[i+1]))
	}
	return string(text)
}

// write writes a file of the test's own.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// listens tells whether something accepts connections there.
func listens(ctx context.Context, address string) bool {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
