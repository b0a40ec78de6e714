package redisserver

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

const (
	busPortOffset = 10_000 // a cluster's node listens on a second port, so much above
	startTimeout  = 20 * time.Second
	stopTimeout   = 10 * time.Second
)

// errMissing tells a newcomer what to do.
var errMissing = errors.New("redisserver: these tests need a real Redis, and there is no redis-server in PATH: " +
	"run `make test` as root, or `apt-get install redis-server`")

// Server is a Redis server. Its methods are safe for concurrent use.
type Server struct {
	*child.Server

	// Static after New.
	port      int
	arguments []string
}

// Start returns a server of the test's own, which ends with the test; arguments are as
// New takes them. The test fails, and says what to install, where Redis is missing.
func Start(t testing.TB, arguments ...string) *Server {
	t.Helper()
	servers.Needs(t, "Redis")
	s, err := New(arguments...)
	if err != nil {
		t.Fatal(err)
	}
	s.EndWith(t)
	return s
}

// New starts a server, and returns it when it answers. arguments are further ones
// of redis-server's command line. The caller closes it; the end of the calling
// process ends it too.
func New(arguments ...string) (*Server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errMissing
	}
	s := &Server{arguments: arguments}
	var err error
	if s.Server, err = child.New(child.Config{Name: "redis", EndsOn: syscall.SIGKILL, Command: s.command, Ready: s.ready}); err != nil {
		return nil, err
	}
	err = child.OnFreePort(func(port int) error {
		s.port = port
		return s.Start()
	}, busPortOffset)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// command is the server as it is started each time.
func (s *Server) command() *exec.Cmd {
	return exec.Command("redis-server", append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.Dir(), "--save", "", "--appendonly", "no",
	}, s.arguments...)...)
}

func (s *Server) ready(context.Context, int) bool {
	answer, err := s.Do("PING")
	return err == nil && answer == "PONG"
}

// Addr returns host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the redis:// URL.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Start starts a stopped server again, empty, and returns when it answers.
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

// Restart kills the server and starts it again, empty.
func (s *Server) Restart() error { return errors.Join(s.Kill(), s.Start()) }
