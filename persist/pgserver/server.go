package pgserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// superuser owns every database of a throw-away server; it needs no password.
const superuser = "caravan"

// The ports tried lie below the range that Linux gives to outgoing connections,
// so that nobody takes a stopped server's port before it starts again.
const (
	portMin  = 15_000
	portMax  = 32_000
	portTry  = 50
	startTry = 3 // another process may take the port between the look and the start
)

// Option changes how a server is set up.
type Option func(*Server)

// Setting sets a configuration parameter (as in postgresql.conf) at each start.
func Setting(name, value string) Option {
	return func(s *Server) { s.settings = append(s.settings, name+"="+value) }
}

// Server is a PostgreSQL server in a temporary directory. Its methods are safe
// for concurrent use; those that change its state wait for each other.
type Server struct {
	// Static after New.
	binDir   string
	dir      string
	port     int
	owner    *account // nil: the server runs as the user that started it
	settings []string
	watchdog *watchdog

	mu     sync.Mutex
	proc   *process // nil: stopped
	paused []int    // the processes that Pause stopped
	closed bool
}

// New starts a server, and returns it when it accepts connections. The caller
// closes it; the end of the calling process ends it too.
func New(options ...Option) (*Server, error) {
	binDir, err := findBinaries()
	if err != nil {
		return nil, err
	}
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	s := &Server{binDir: binDir, owner: owner}
	for _, o := range options {
		o(s)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.Close())
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

// prepare makes the directory, its watchdog, and the cluster's files.
func (s *Server) prepare() error {
	var err error
	if s.dir, err = os.MkdirTemp(tempDir(), "caravan-pg-"); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	if s.watchdog, err = watch(s.dir); err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	if s.owner != nil {
		if err := os.Chown(s.dir, int(s.owner.uid), int(s.owner.gid)); err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
	}
	out, err := s.command("initdb", "--pgdata", s.dataDir(), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgserver: initdb: %w\n%s", err, out)
	}
	return nil
}

// Close ends the server as a crash would and removes its files. Calling it again
// does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.proc != nil {
		s.resume()
		err = s.stop(Immediate)
	}
	if s.watchdog != nil {
		err = errors.Join(err, s.watchdog.release())
	}
	return err
}

// Port returns the TCP port on 127.0.0.1. It stays the same over restarts.
func (s *Server) Port() int { return s.port }

// Dir returns the directory that holds the server's Unix socket, log and data.
func (s *Server) Dir() string { return s.dir }

// LogTail returns the end of what the server logged.
func (s *Server) LogTail() string {
	const tailBytes = 4 << 10
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-tailBytes):])
}

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }
func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

// tempDir is where servers live: /tmp under root, since the server's own user must
// be able to enter, and where the path would be too long for a Unix socket's name.
func tempDir() string {
	const socketDirBytesMax = 60
	if dir := os.TempDir(); os.Geteuid() != 0 && len(dir) <= socketDirBytesMax {
		return dir
	}
	return "/tmp"
}

func freePort() (int, error) {
	var err error
	for range portTry {
		port := portMin + rand.IntN(portMax-portMin)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("pgserver: no free port: %w", err)
}
