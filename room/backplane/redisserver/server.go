package redisserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The ports tried lie below the range that Linux gives to outgoing connections,
// so that nobody takes a stopped server's port before it starts again. A cluster's
// node listens on a second one, busPortOffset above.
const (
	portMin       = 15_000
	portMax       = 21_000
	portTry       = 50
	busPortOffset = 10_000
	startTry      = 3 // another process may take the port between the look and the start
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 10 * time.Second
	startPoll    = 5 * time.Millisecond
)

// errMissing tells a newcomer what to do.
var errMissing = errors.New("redisserver: these tests need a real Redis, and there is no redis-server in PATH: " +
	"run `make test` as root, or `apt-get install redis-server`")

// Server is a Redis server. Its methods are safe for concurrent use; those that
// change its state wait for each other.
type Server struct {
	// Static after New.
	dir       string
	port      int
	arguments []string
	watchdog  *watchdog

	mu     sync.Mutex
	proc   *process // nil: stopped
	closed bool
}

// process is one life of the server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start returns a server of the test's own, which ends with the test. The test
// fails, and says what to install, where Redis is missing.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
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
	if s.dir, err = os.MkdirTemp("", "caravan-redis-"); err != nil {
		return nil, fmt.Errorf("redisserver: %w", err)
	}
	if s.watchdog, err = watch(s.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	for try := 1; ; try++ {
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = s.Start(); err == nil || try == startTry {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Addr returns host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Dir returns the directory that holds the server's log.
func (s *Server) Dir() string { return s.dir }

// URL returns the redis:// URL.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Start starts a stopped server again, empty, and returns when it answers.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start()
}

func (s *Server) start() error {
	if s.closed || s.proc != nil {
		return errors.New("redisserver: the server is running, or was closed")
	}
	cmd := exec.Command("redis-server", append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir,
		"--pidfile", filepath.Join(s.dir, "pid"), "--logfile", filepath.Join(s.dir, "log"),
		"--save", "", "--appendonly", "no",
	}, s.arguments...)...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is for the test, not for its servers
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("redisserver: %w", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is the caller's doing, or stands in the log
		close(p.exited)
	}()
	s.proc = p
	if err := s.ready(p); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		_ = s.end(syscall.SIGKILL)
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// ready waits until the server answers.
func (s *Server) ready(p *process) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		select {
		case <-p.exited:
			return errors.New("redisserver: the server ended while it started")
		case <-time.After(startPoll):
		}
		if answer, err := s.Do("PING"); err == nil && answer == "PONG" {
			return nil
		}
	}
	return fmt.Errorf("redisserver: the server was not ready after %v", startTimeout)
}

// Stop lets the server shut down in order, and returns when it has ended.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(syscall.SIGTERM)
}

// Kill ends the server with SIGKILL.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(syscall.SIGKILL)
}

// Restart kills the server and starts it again, empty.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.end(syscall.SIGKILL); err != nil {
		return err
	}
	return s.start()
}

func (s *Server) end(signal syscall.Signal) error {
	if s.proc == nil {
		return errors.New("redisserver: the server is not running")
	}
	// An error means that it has ended, which is what is wanted.
	_ = s.proc.cmd.Process.Signal(signal)
	_ = s.proc.cmd.Process.Signal(syscall.SIGCONT) // it may be paused
	select {
	case <-s.proc.exited:
	case <-time.After(stopTimeout):
		_ = s.proc.cmd.Process.Kill()
		<-s.proc.exited
	}
	s.proc = nil
	return nil
}

// Pause freezes the server with SIGSTOP: connections stay open, new ones are
// accepted by the kernel, and nothing answers.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return errors.New("redisserver: the server is not running")
	}
	return s.proc.cmd.Process.Signal(signal)
}

// Close ends the server and removes its files. Calling it again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.proc != nil {
		err = s.end(syscall.SIGKILL)
	}
	return errors.Join(err, s.watchdog.release())
}

func freePort() (int, error) {
	var err error
	for range portTry {
		port := portMin + rand.IntN(portMax-portMin)
		if err = listen(port); err != nil {
			continue
		}
		if err = listen(port + busPortOffset); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("redisserver: no free port: %w", err)
}

func listen(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
