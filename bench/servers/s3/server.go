package s3server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	askTimeout   = time.Second
)

// What every server has: a bucket, and one user who may do anything.
const (
	Bucket    = "caravan"
	AccessKey = "caravan-access"
	SecretKey = "caravan-secret-of-tests"
)

// Server is an S3 server. Its methods are safe for concurrent use.
type Server struct {
	*child.Server

	// Static after New.
	port    int
	program string
}

// program finds the server's program. The go command builds it where it was not built yet,
// from the module .ci/s3, and keeps it.
var program = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("s3server: where is the module: %w", err)
	}
	module := filepath.Join(strings.TrimSpace(string(root)), ".ci", "s3", "go.mod")
	build := exec.Command("go", "tool", "-modfile="+module, "-n", "versitygw")
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "CGO_ENABLED=0")
	var said strings.Builder
	build.Stderr = &said
	path, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("s3server: a real S3 server is needed, which the go command builds (%v): %w\n%s", build.Args, err, said.String())
	}
	return strings.TrimSpace(string(path)), nil
})

// Start returns a server of the test's own, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	servers.Needs(t, "an S3 server")
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	s.EndWith(t)
	return s
}

// New starts a server with an empty bucket, and returns it when it answers. The caller
// closes it; the end of the calling process ends it too.
func New() (*Server, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	s := &Server{program: path}
	if s.Server, err = child.New(child.Config{Name: "s3", EndsOn: syscall.SIGKILL, Command: s.command, Ready: s.ready}); err != nil {
		return nil, err
	}
	err = errors.Join(os.MkdirAll(s.BucketDir(), 0o700), os.Mkdir(s.metaDir(), 0o700))
	if err == nil {
		err = child.OnFreePort(func(port int) error {
			s.port = port
			return s.Start()
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// BucketDir returns the directory that is the bucket.
func (s *Server) BucketDir() string { return filepath.Join(s.Dir(), "buckets", Bucket) }

// metaDir is where it keeps what S3 knows of an object beside its bytes: not every file
// system takes that beside a file.
func (s *Server) metaDir() string { return filepath.Join(s.Dir(), "meta") }

const healthPath = "/health"

// command is the server as it is started each time.
func (s *Server) command() *exec.Cmd {
	cmd := exec.Command(s.program, "--port", s.Addr(), "--keep-alive", "--quiet", "--health", healthPath,
		"posix", "--sidecar", s.metaDir(), filepath.Dir(s.BucketDir()))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	cmd.Dir = s.Dir()
	return cmd
}

func (s *Server) ready(ctx context.Context, _ int) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint()+healthPath, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// Addr returns host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Endpoint returns the URL of the server.
func (s *Server) Endpoint() string { return "http://" + s.Addr() }

// URL returns the URL of the bucket, as --attachments takes it.
func (s *Server) URL() string { return "s3://" + Bucket + "/?endpoint=" + s.Endpoint() }

// Environ returns the keys as variables, for a process that uses a server.
func Environ() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey}
}

// Setenv puts the keys into the environment of a test, and of what it starts.
func (s *Server) Setenv(t testing.TB) {
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
}

// Start starts a stopped server again, and returns when it answers.
func (s *Server) Start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return s.Server.Start(ctx)
}

// Stop lets the server shut down in order, and returns when it has ended.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_, err := s.Server.Stop(ctx, syscall.SIGTERM)
	return err
}
