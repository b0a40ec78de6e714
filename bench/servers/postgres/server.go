package pgserver

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/caravan-chat/caravan/bench/servers/child"
)

// superuser owns every database of a throw-away server; it needs no password.
const superuser = "caravan"

// Option changes how a server is set up.
type Option func(*Server)

// Setting sets a configuration parameter (as in postgresql.conf) at each start.
func Setting(name, value string) Option {
	return func(s *Server) { s.settings = append(s.settings, name+"="+value) }
}

// Alike has a server begin with a copy of the files that others of this process begin with, which takes a small part of
// the time that new ones take. By its identifier it is the same cluster as they: not for who tells clusters apart.
func Alike(s *Server) { s.alike = true }

// Server is a PostgreSQL server in a temporary directory, which holds its Unix
// socket, log and data. Its methods are safe for concurrent use.
type Server struct {
	*child.Server

	// Static after New.
	binDir   string
	owner    *syscall.Credential // nil: the server runs as the user that started it
	port     int
	settings []string
	alike    bool

	primary atomic.Pointer[string] // host:port of the server that it copies as a standby; nil: it was never one

	models sync.Map // *model by kind
	unused unused
}

// New starts a server, and returns it when it accepts connections. The caller
// closes it; the end of the calling process ends it too.
func New(options ...Option) (*Server, error) { return start((*Server).initialize, options) }

// start starts a server whose files make has made.
func start(make func(*Server) error, options []Option) (*Server, error) {
	s, err := prepare(options...)
	if err != nil {
		return nil, err
	}
	if err = make(s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	err = child.OnFreePort(func(port int) error {
		s.port = port
		return s.Start()
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare makes a server that has no files yet.
func prepare(options ...Option) (*Server, error) {
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
	s.Server, err = child.New(child.Config{
		Name: "pg", Parent: tempDir(), Owner: owner, EndsOn: syscall.Signal(Immediate), Command: s.postgres, Ready: s.ready,
	})
	return s, err
}

// Port returns the TCP port on 127.0.0.1. It stays the same over restarts.
func (s *Server) Port() int { return s.port }

// tempDir is where servers live: /tmp under root, since the server's own user must
// be able to enter, and where the path would be too long for a Unix socket's name.
func tempDir() string {
	const socketDirBytesMax = 60
	if dir := os.TempDir(); os.Geteuid() != 0 && len(dir) <= socketDirBytesMax {
		return dir
	}
	return "/tmp"
}
