package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second // crash recovery included
	stopTimeout  = 30 * time.Second
	startPoll    = 5 * time.Millisecond
)

// Shutdown is one of PostgreSQL's ways to stop.
type Shutdown syscall.Signal

// The ways to stop a server.
const (
	Smart     = Shutdown(syscall.SIGTERM) // when the last client has left
	Fast      = Shutdown(syscall.SIGINT)  // rolls back, disconnects, checkpoints
	Immediate = Shutdown(syscall.SIGQUIT) // like a crash: recovers at the next start
)

var errStopped = errors.New("pgserver: the server is not running")

// process is one life of the server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts a stopped server again, and returns when it accepts connections.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start()
}

func (s *Server) start() error {
	if s.closed || s.proc != nil {
		return errors.New("pgserver: the server is running, or was closed")
	}
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	defer log.Close()
	cmd := s.command("postgres", s.arguments()...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is the caller's doing, or stands in the log
		close(p.exited)
	}()
	s.proc = p
	if err := s.ready(p); err != nil {
		_ = s.kill()
		return fmt.Errorf("%w\n%s", err, s.LogTail())
	}
	return nil
}

func (s *Server) arguments() []string {
	settings := append([]string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=" + s.dir,
		"max_connections=100",
		"shared_buffers=128MB",
		"dynamic_shared_memory_type=mmap", // in the directory, so that a kill leaves nothing in /dev/shm
		"log_checkpoints=off",
	}, s.settings...)
	args := []string{"-D", s.dataDir(), "-p", strconv.Itoa(s.port)}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// ready waits until the server's lock file says that it accepts connections.
func (s *Server) ready(p *process) error {
	const pidLine, statusLine = 0, 7
	pid := strconv.Itoa(p.cmd.Process.Pid)
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		select {
		case <-p.exited:
			return errors.New("pgserver: the server ended while it started")
		case <-time.After(startPoll):
		}
		file, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
		if err != nil {
			continue // not there yet
		}
		lines := strings.Split(string(file), "\n")
		if len(lines) > statusLine && lines[pidLine] == pid && strings.TrimSpace(lines[statusLine]) == "ready" {
			return nil
		}
	}
	return fmt.Errorf("pgserver: the server was not ready after %v", startTimeout)
}

// Running reports whether the server was started and has not ended, paused or not.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return false
	}
	select {
	case <-s.proc.exited:
		return false
	default:
		return true
	}
}

// Stop stops the server and returns when it has ended.
func (s *Server) Stop(how Shutdown) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume()
	return s.stop(how)
}

func (s *Server) stop(how Shutdown) error {
	if s.proc == nil {
		return errStopped
	}
	// An error means that it has ended, which is what is wanted.
	_ = s.proc.cmd.Process.Signal(syscall.Signal(how))
	select {
	case <-s.proc.exited:
		s.proc = nil
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("pgserver: still running %v after %v", stopTimeout, syscall.Signal(how)), s.kill())
	}
}

// Restart stops the server and starts it again.
func (s *Server) Restart(how Shutdown) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume()
	if err := s.stop(how); err != nil {
		return err
	}
	return s.start()
}

// Kill ends all processes of the server at once with SIGKILL.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

func (s *Server) kill() error {
	if s.proc == nil {
		return errStopped
	}
	for _, pid := range s.freeze() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.proc.exited
	s.proc, s.paused = nil, nil
	return nil
}

// Pause freezes all processes of the server with SIGSTOP: connections stay open,
// new ones are accepted by the kernel, and nothing answers.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return errStopped
	}
	s.paused = s.freeze()
	return nil
}

// Resume lets a paused server go on.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return errStopped
	}
	s.resume()
	return nil
}

func (s *Server) resume() {
	for _, pid := range s.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	s.paused = nil
}

// freeze stops every process of the server and returns their ids. The postmaster
// comes first: after it, no new ones appear.
func (s *Server) freeze() []int {
	pid := s.proc.cmd.Process.Pid
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	pids := []int{pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return pids // it has ended
	}
	for field := range strings.FieldsSeq(string(children)) {
		if child, err := strconv.Atoi(field); err == nil {
			_ = syscall.Kill(child, syscall.SIGSTOP)
			pids = append(pids, child)
		}
	}
	return pids
}
