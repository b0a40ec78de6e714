package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second // crash recovery included
	stopTimeout  = 30 * time.Second
	heldPoll     = 100 * time.Millisecond
)

// Shutdown is one of PostgreSQL's ways to stop.
type Shutdown syscall.Signal

// The ways to stop a server.
const (
	Smart     = Shutdown(syscall.SIGTERM) // when the last client has left
	Fast      = Shutdown(syscall.SIGINT)  // rolls back, disconnects, checkpoints
	Immediate = Shutdown(syscall.SIGQUIT) // like a crash: recovers at the next start
)

// Start starts a stopped server again, and returns when it accepts connections. After a
// kill the sessions of before may hold its memory for a moment: then it is tried again.
func (s *Server) Start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.Server.Start(ctx)
		if err == nil || !strings.Contains(lastLines(err), "pre-existing shared memory block") || ctx.Err() != nil {
			return err
		}
		time.Sleep(heldPoll)
	}
}

// lastLines returns the end of what the server said, which is the end of the error.
func lastLines(err error) string {
	said := err.Error()
	return said[max(0, len(said)-400):]
}

// Stop stops the server and returns when it has ended.
func (s *Server) Stop(how Shutdown) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_, err := s.Server.Stop(ctx, syscall.Signal(how))
	return err
}

// Restart stops the server and starts it again.
func (s *Server) Restart(how Shutdown) error {
	if err := s.Stop(how); err != nil {
		return err
	}
	return s.Start()
}

// postgres is the server as it is started each time.
func (s *Server) postgres() *exec.Cmd {
	settings := append([]string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=" + s.Dir(),
		"max_connections=100",
		"shared_buffers=128MB",
		"dynamic_shared_memory_type=mmap", // in the directory, so that a kill leaves nothing in /dev/shm
		"log_checkpoints=off",
	}, s.settings...)
	if primary := s.primary.Load(); primary != nil {
		settings = append(settings, "primary_conninfo="+conninfo(*primary))
	}
	args := []string{"-D", s.dataDir(), "-p", strconv.Itoa(s.port)}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return s.command("postgres", args...)
}

// ready reports whether the server's lock file says that it accepts connections.
func (s *Server) ready(_ context.Context, pid int) bool {
	const pidLine, statusLine = 0, 7
	file, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
	if err != nil {
		return false // not there yet
	}
	lines := strings.Split(string(file), "\n")
	return len(lines) > statusLine && lines[pidLine] == strconv.Itoa(pid) && strings.TrimSpace(lines[statusLine]) == "ready"
}

func (s *Server) dataDir() string { return filepath.Join(s.Dir(), "data") }

// initialize makes the cluster's files.
func (s *Server) initialize() error {
	if !s.alike {
		return s.initdb()
	}
	model, err := blank()
	if err != nil {
		return err
	}
	if out, err := s.program("cp", "-a", model.dataDir(), s.dataDir()).CombinedOutput(); err != nil {
		return fmt.Errorf("pgserver: copy a cluster: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) initdb() error {
	out, err := s.command("initdb", "--pgdata", s.dataDir(), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgserver: initdb: %w\n%s", err, out)
	}
	return nil
}

// blank has the files that servers which are Alike begin with. It is never started, and goes with the process.
var blank = sync.OnceValues(func() (*Server, error) {
	s, err := prepare()
	if err != nil {
		return nil, err
	}
	return s, s.initdb()
})
